/* The C interface: everything that Cython sees of src_c/.
 *
 * C owns one contiguous block on one core. It has no Python, no malloc and no OpenMP. The interface lists families of
 * kernels; their members (activations, losses, update rules, source types, instruction sets) are rows of the tables in
 * src_c/tables, so that a new member changes nothing on this page. All memory belongs to the caller: a kernel reads and
 * writes it during the call and keeps no pointer to it.
 *
 * Glossary. Each word has one meaning in src_c/.
 *   panel       A group of columns 128 bytes wide, FM_PANEL (P) elements, in which the rows lie one after another.
 *   padding     The columns of the last panel that lie beyond the last column of the matrix.
 *   stride      The number of rows from the beginning of one panel to the beginning of the next.
 *   step        The distance from one item to the next, in elements unless bytes are said; or the move to it.
 *   fm_step     One update of all weights.
 *   unit        A neuron of a layer: one column of its activations.
 *   output      A unit of the last layer, or of whichever layer a kernel works for.
 *   strip       FM_STRIP inputs of one panel of a layer's weights, the smallest share of an update. In a turned layer a
 *               strip is one panel of inputs.
 *   tile        The sums that a product holds in registers: some rows, and one or two vectors of columns.
 *   vector      As many elements as a register of the instruction set holds. Each of them is in a lane of it.
 *   block       A run of rows, of inputs or of steps of the inner index that is taken at once. In products of bfloat16
 *               numbers it has 32 steps.
 *   chunk       The rows of a batch that are taken forward and back at once.
 *   grain       The strips that the engine never shares out between two threads: one, or those of a block.
 *   inner index What a product sums over. Its length is the product's depth.
 *   narrow      Of at most FM_NARROW outputs.
 *   short       Of a depth of at most FM_SHORT.
 *   shallow     A network of one hidden layer with few inputs and a narrow output layer.
 *   turned      Weights whose vectors run along the inputs instead of the outputs.
 *   transposed  The second copy of a layer's weights, which the way back multiplies by.
 *   sums        A gradient's sums over rows, before they are divided by what the rows weigh.
 *   slot        One of an update rule's arrays of state, which has a number for each weight.
 *   delta       The derivative of the loss with respect to a pre-activation.
 *   slope       The derivative of an activation, df/dz.
 *   parameter   The number that some activations have besides z; each unit may learn its own.
 *   term        One of the bfloat16 numbers whose sum stands for a float32 number.
 *   operand     What a product of bfloat16 numbers multiplies: a matrix in terms, laid out for the hardware.
 *   mask        The random numbers that decide which values dropout keeps.
 *   share       A part of a whole: a factor up to 1, or the part of the work that one thread takes at a time.
 *
 * Layout. FM_PANEL depends on the element type alone, not on the instruction set.
 *   activations, deltas   [ceil(width / P)][stride][P]: row r, column c lies at (c / P) * stride * P + r * P + c % P
 *   weights               [ceil(outputs / P)][inputs + 1][P], where the last row of each panel holds the biases
 *   transposed weights    [ceil(inputs / P)][outputs][P]
 *   turned weights        as transposed weights, with a row of biases after them
 *   sums, slots           as weights
 *   a vector of units     [ceil(units / P)][1][P]: a panel of one row is a plain vector
 * The padding of weights, slots, sums and deltas holds zeros. The padding of activations holds anything, and a kernel
 * that reads it keeps it out of its results. Every buffer begins at a multiple of 64 bytes.
 *
 * Every product is summed strictly in the order of its inner index (inputs, outputs or rows of the batch), one element
 * at a time, so that results depend neither on how rows and strips are shared out nor on whether the input was sparse.
 * Narrow layers are summed in partial sums where an instruction set has kernels for them (see narrow_sum), and products
 * of bfloat16 numbers block by block (see bfloat16.h).
 */
#ifndef FASTMLP_H
#define FASTMLP_H
#include <stddef.h>
#include <stdint.h>

#define FM_PANEL_BYTES 128
#define FM_STRIP 8
/* What the update of a layer of embeddings needs for each input: two times 16 elements of any type. */
#define FM_EMBEDDING_BYTES 256
/* Layers of so few outputs have kernels of their own where a vector holds many elements. */
#define FM_NARROW 4
/* Networks of one hidden layer, relu, have them for so few inputs if the output layer is narrow. */
#define FM_SHALLOW 16
#define FM_MAX_SLOTS 3
/* No update rule has more constants than this. */
#define FM_MAX_HYPER 8
/* The numbers of a row's moments, for a tree, are a multiple of this. */
#define FM_TREE_QUAD 4
/* A column that a tree may split by has at most so many codes. */
#define FM_TREE_CODES 256
/* So many rows go through a tree together, so that their codes and leaves stay in the first-level cache. */
#define FM_TREE_ROWS 1024

/* A layer of weights; or, with no inputs, a vector of one learned number per unit, which lies where the biases
 * would. */
typedef struct {
    long inputs, outputs;
    void *weights;
    /* The transposed copy follows the weights with each update. It is NULL where nobody multiplies by it. */
    void *transposed;
    /* A turned layer is narrow, has no transposed copy, and exists only where dense_turned does. */
    int turned;
    /* The sums of a batch's earlier chunks. They are NULL where every batch is one chunk, but for layers on encoded
     * columns. */
    void *sums;
    /* As many of the slots are there as the rule has; the others are NULL. */
    void *slots[FM_MAX_SLOTS];
    /* How many terms the operands of the layer's products have; 0 where products are of FM_REAL. */
    int terms;
    /* The weights as right operands of the way forward and back, which follow them with each update. Each is NULL where
     * nobody multiplies by it. */
    void *rounded;
    void *rounded_transposed;
    /* The deltas of the biases, laid out as the layer's deltas, where the two differ, after a normalisation; otherwise
     * NULL. */
    const void *bias_deltas;
    /* Whether the layer is a matrix without biases, in whose place are zeros. */
    int unbiased;
    /* A running average of the weights, laid out as they are; or NULL. */
    void *average;
    /* The largest norm of a unit's weights that limit_norms() leaves; 0 for any. */
    double limit;
} fm_layer;

/* The rows of X that the next minibatch will gather. An update asks the second-level cache for them, some lines for
 * each tile, since memory takes longer than gathering by itself could hide. */
typedef struct {
    const char *x;
    ptrdiff_t row_bytes;
    /* The numbers of the rows that are left. */
    const int64_t *order;
    long rows;
    /* Of each row the first width_bytes are asked for, and of the first row that is left done_bytes have been. */
    long width_bytes;
    long done_bytes;
    /* How many lines may be asked for now, and by how many a multiply-add raises that. */
    double lines_due;
    double lines_per_multiply_add;
} fm_next_rows;

/* One update of the weights, as each layer sees it. */
typedef struct {
    /* The line of the update rule in rules.def. */
    int rule;
    /* Whether this is the batch's first chunk, with which sums start at zero, and its last, after which the rule is
     * applied. */
    int first, last;
    /* Unless this is the last chunk: whether finished sums are added to those that the layer has. */
    int add;
    /* Whether l1 or clip_value is in use, so that the gradient must be finished before the rule sees it. */
    int prepares;
    /* The factor of the weight in its gradient sum. Biases have no such term. */
    double l2;
    /* The factor of the weight's sign, in the same way. */
    double l1;
    /* 1 / (the sum of the batch's sample weights) */
    double scale;
    /* The largest size of an element of the gradient; 0 for any. */
    double clip_value;
    /* What the average of the weights keeps of itself in this update. */
    double decay;
    /* The rule's constants, as fm_rule_prepare() made them. */
    double constants[FM_MAX_HYPER];
    /* May be NULL. */
    fm_next_rows *next;
} fm_step;

/* Some rows of a matrix in panels, or the place for them. A kernel writes to those of its arguments whose comment says
 * so. */
typedef struct {
    /* The first row: FM_REAL [ceil(width / P)][stride][P]. */
    void *at;
    long stride;
    /* Not more than stride. */
    long rows;
    /* The number of columns. */
    long width;
} fm_rows;

/* Rows of a plain array, to be read in any order. */
typedef struct {
    /* Row number 0, whose elements of a source type lie side by side. */
    const void *x;
    ptrdiff_t row_bytes;
    /* The numbers of the rows to read; NULL for 0, 1, 2, ... */
    const int64_t *order;
} fm_source;

/* The right operand of a product: weights, transposed weights, or any matrix in panels. */
typedef struct {
    /* FM_REAL [ceil(columns of the product / P)][panel_rows][P] */
    const void *at;
    /* The first depth rows are multiplied. */
    long depth;
    long panel_rows;
    /* Whether row number depth is added to each row of the product. */
    int biased;
} fm_matrix;

/* Gathers as many rows of the source as the panels have; writes rows. */
typedef void (*fm_gather_fn)(const fm_source *source, const fm_rows *rows);
/* A loss's link, which makes predictions of pre-activations in place. */
typedef void (*fm_link_fn)(const fm_rows *z);
/* An activation, in place, and its derivative, on rows of one panel, one after another. Their arguments fit the
 * registers, and they are called for every tile of a product; therefore they are not in a struct.
 *
 * * parameters is the panel's row of the units' own parameters; NULL where parameter is that of all units. slopes and
 * parameter_slopes get df/dz and df/dparameter; NULL where nobody needs them. The way back makes deltas of them: it
 * reads the activations at, or the slopes of an activation that is sloped. */
typedef void (*fm_activate_fn)(long rows, void *a, void *slopes, void *parameter_slopes, const void *parameters,
                               double parameter);
typedef void (*fm_derivative_fn)(long rows, const void *at, void *deltas, void *parameter_slopes, double parameter);
/* A user's own activation, compiled, which the activation native gets in place of parameters, one for each panel. It
 * never sees padding. */
typedef struct {
    double (*value)(double), (*slope)(double);
    /* How many units of the panel there are. */
    long width;
} fm_native;

/* What the loss of some rows is made from, besides their outputs. */
typedef struct {
    /* int32_t [samples], class numbers, or FM_REAL [samples][outputs], as losses.def says of the loss. */
    const void *targets;
    /* The sample of each row, [rows]; NULL for 0, 1, 2, ... */
    const int64_t *order;
    /* The weight of each sample, [samples]; NULL where all weigh 1. */
    const double *weights;
} fm_samples;
/* What a loss may be told, one number for each output. */
typedef struct {
    /* The option of a loss that has one, [outputs]; NULL for its default. */
    const double *options;
    /* Factors of the outputs' losses and deltas, [outputs]; NULL for 1. Only losses with a matrix of targets take
     * them. */
    const double *output_weights;
} fm_loss_settings;
/* Makes the outputs' deltas of their pre-activations z, in place; row_losses [rows] gets each row's weighted loss. */
typedef void (*fm_loss_fn)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                           const fm_loss_settings *settings);

/* What a product does to some rows of its result c while they are still in the first-level cache: an activation, a
 * derivative, or nothing. */
typedef struct {
    /* NULL for none. */
    fm_activate_fn activate;
    /* NULL for none. There is never both a derivative and an activation. */
    fm_derivative_fn derivative;
    /* What the derivative reads, laid out as c; NULL without one. */
    const void *at;
    /* What the activation keeps for the way back, laid out as c; NULL where nobody needs it. */
    void *slopes;
    void *parameter_slopes;
    /* The parameters that units have learned, or one fm_native for each panel; NULL for neither. */
    const void *parameters;
    /* The bytes between those of two panels. */
    ptrdiff_t parameters_step;
    double parameter;
} fm_after;

/* Random numbers by counting: each depends on key, row and column alone. */
typedef struct {
    uint64_t key;
    /* The number of the first row. */
    long row;
    /* Of 2^32 equally likely numbers so many drop a value. */
    uint32_t threshold;
    /* The factor of the values that stay; or, of noise, its standard deviation. */
    double scale;
} fm_mask;

/* Rows of a compressed sparse row matrix, in which columns ascend within a row. */
typedef struct {
    /* The numbers of the rows to read; NULL for 0, 1, 2, ... */
    const int64_t *order;
    /* [rows of the matrix + 1] */
    const int64_t *indptr;
    /* [stored elements], as is data, which is FM_REAL. */
    const int32_t *indices;
    const void *data;
    /* The factor of each column, FM_REAL [columns]; or NULL. */
    const void *scale;
    /* Dropout of the elements; or NULL. */
    const fm_mask *mask;
} fm_csr;

/* Which inputs of a layer the columns of an encoded table stand for; columns_tmpl.c has the formulas. */
typedef struct {
    /* The numbers come before the categories. */
    long columns, numbers;
    /* The first input of each column, and then the number of all inputs, [columns + 1]. */
    const int32_t *offsets;
} fm_columns;

/* Rows of encoded columns, as they lie in memory. Each code is below the number of its column's inputs. */
typedef struct {
    /* The numbers of the rows to read; NULL for 0, 1, 2, ... */
    const int64_t *order;
    /* uint8_t [rows][columns], or uint16_t where they are wide. */
    const void *codes;
    /* Of single precision, [rows][numbers], or of double precision where they are wide. */
    const void *fractions;
    int wide_codes, wide_fractions;
} fm_encoded;

/* What some rows of encoded columns look up, or the place for that, column by column. */
typedef struct {
    const fm_columns *columns;
    /* The input of each row, [columns][stride]. */
    int32_t *inputs;
    /* The fraction of each row, FM_REAL [numbers][stride]; 0 for missing numbers. */
    void *shares;
    long stride, rows;
} fm_lookups;

/* Some strips of a layer's weights, and the update that they get. */
typedef struct {
    const fm_layer *layer;
    /* The panels of outputs [panel, panel_end). It is one panel unless a kernel says that it takes more. */
    long panel, panel_end;
    /* The strips [first, last) of each of these panels. The biases go with the panel's last strip. */
    long first, last;
    const fm_step *step;
    /* The update of the biases, which differs from that of the weights in its constants at most. */
    const fm_step *bias_step;
    /* Of the whole layer, [panels][strips of a panel]: each strip's sum of squared weights before the update, or, with
     * l1, its penalty, is written here. NULL where nobody needs it. */
    double *squares;
} fm_strips;

/* Some rows of a shallow network: its hidden layer is relu, is not narrow and has at most FM_SHALLOW inputs, and its
 * output layer is turned. The rows have the same stride everywhere. */
typedef struct {
    const fm_layer *hidden, *output;
    long rows, stride;
    /* The inputs, as in fm_rows. */
    const void *x;
    /* The hidden activations, which the way forward writes and the update reads. */
    void *h;
    /* The outputs' pre-activations, which the way forward writes; for the update, the outputs' deltas. */
    void *z;
} fm_shallow;

/* The operands of a layer's product. */
typedef struct {
    int terms;
    /* What round_left() made of the rows. */
    const void *left;
    /* What round_strips() made of the weights; NULL where the product shall make it itself, panel by panel. */
    const void *right;
    /* Room for one panel's right operand; NULL where there is right. */
    void *scratch;
} fm_bfloat16_operands;

/* The operands of a layer's weight gradient, which sums over the rows of a batch. */
typedef struct {
    /* What round_columns() made of the layer's inputs. */
    const void *columns;
    /* What round_right() made of its deltas. */
    const void *right;
    /* The blocks from one panel of either to the next. */
    long blocks;
} fm_bfloat16_batch;

/* What a normalisation of rows reads and writes, forward and back; normalize_tmpl.c has the formulas. */
typedef struct {
    /* x, laid out as the rows: written on the way forward, where it is NULL if there will be no way back. That reads
     * it, and writes the deltas of the gains in its place. */
    void *normalized;
    /* The deltas of y, laid out as the rows, which the way back writes. */
    void *bias_deltas;
    /* FM_REAL [width], for batch normalisation only. */
    const void *means;
    /* For batch normalisation FM_REAL [width], read. For layer normalisation FM_REAL [rows], written on the way
     * forward, where it is NULL if there will be no way back, and read on that. */
    void *scales;
    /* FM_REAL [width] */
    const void *gains;
    /* The first panel's row of biases, for the way forward only, and the elements from one panel's row to the next. */
    const void *biases;
    long biases_step;
    /* What is added to the variance, for the way forward of layer normalisation only. */
    double epsilon;
} fm_norm;

/* The moments of all columns over each of some blocks of rows. */
typedef struct {
    long width, rows;
    /* The rows of each block but the last, which has what is left. */
    long block_rows;
    /* What the rows of each block weigh, [blocks]; NULL where rows have no weights. */
    const double *block_weights;
    /* FM_REAL in panels of two rows for each block, and the elements from one block to the next. */
    const void *moments;
    long step;
} fm_moments;

/* Batch normalisation's running moments, and how far they move. */
typedef struct {
    /* FM_REAL in panels of two rows, mean and variance, which are written; NULL where they shall stay as they are. */
    void *moments;
    /* Of the way to the batch's moments they move so far. */
    double share;
    /* The batch's variance is its sum of squared deviations over this. */
    double freedom;
} fm_running;

/* What small trees are grown from (trees_tmpl.c). The rows of a boosting are those it learns from. Scores are what all
 * trees so far say of them, before the link. */
typedef struct {
    /* Whether targets are classes: 0 or 1 for one output, a one for one of several. Otherwise they are numbers. */
    int classes;
    long outputs;
    /* Room for so many rows; those at the end that are none have targets and weights of 0. Whole vectors of rows are
     * read and written. */
    long stride;
    /* FM_REAL [outputs][stride] */
    const void *scores, *targets;
    /* FM_REAL [stride] */
    const void *weights;
    /* The moments of each row: 1, then for each output the first derivative of the loss by the score, then the second
     * ones, then zeros. FM_REAL [stride][lanes]; the ones and the zeros are not written. */
    void *moments;
    long lanes;
} fm_boosting;

/* Some rows that a tree learns from. */
typedef struct {
    long rows;
    /* Their numbers. */
    const int32_t *order;
    /* [][width] */
    const uint8_t *codes;
    long width;
    /* As in fm_boosting. */
    const void *moments;
    long lanes;
} fm_tree_rows;

/* The columns that a tree may split by. */
typedef struct {
    long columns;
    /* Which columns of the codes they are, in ascending order, [columns]. */
    const int32_t *numbers;
    /* The first bin of each, and then the number of all bins, [columns + 1]. A code is less than its column's bins. */
    const int32_t *offsets;
    /* Which of them, by their places among these and in ascending order, a split is searched among, [searched]. */
    long searched;
    const int32_t *to_search;
} fm_tree_columns;

/* Which splits are taken. */
typedef struct {
    long outputs, lanes;
    /* What is added to the sum of second derivatives of a leaf. */
    double l2;
    /* The least number of rows of a leaf. */
    double min_rows;
    /* What a split must gain more than. */
    double min_gain;
    /* Scratch memory: FM_REAL [lanes + 1][FM_TREE_CODES] */
    void *scratch;
} fm_tree_limits;

/* A split sends rows left whose codes in one column are no larger than a threshold. */
typedef struct {
    double gain;
    /* The position of the column among those that the tree may split by; -1 where there is no such split. */
    int32_t column, threshold;
} fm_tree_split;

/* The splits of a tree that rows are sent through, in the order in which they were made. */
typedef struct {
    long leaves;
    /* The places of the columns that they are by, among those that are given. */
    const int32_t *places;
    /* Rows whose codes are larger become the new leaf, number i + 1 by split i. */
    const uint8_t *thresholds;
    /* The leaves that are split. */
    const uint8_t *parents;
    /* Whether a split begins a level of which all splits are alike: of leaves 0, 1, ... in this order. */
    const uint8_t *alike;
} fm_tree;

typedef struct {
    /* The bytes of a vector. */
    int vector_bytes;
    /* Whether products of bfloat16 numbers ask for the hardware's. */
    int has_bfloat16;

    /* Families with one member. */

    /* Rows from panels into a plain array, which is written. */
    void (*scatter)(const fm_rows *rows, void *out, ptrdiff_t row_bytes);
    /* Whether the panels hold the rows of a plain array, bit by bit. */
    int (*holds)(const fm_rows *rows, const void *x, ptrdiff_t row_bytes);
    /* Whether none of n elements is infinite or NaN. */
    int (*finite)(long n, const void *x);
    /* Makes the transposed copy of a layer's weights. */
    void (*pack_transposed)(const void *weights, long inputs, long outputs, void *transposed);
    /* Writes c = a b, then does what comes after. a->width is b->depth. */
    void (*dense)(const fm_rows *a, const fm_matrix *b, const fm_rows *c, const fm_after *after);
    /* Writes the same product, biases included, for a turned layer; c is one panel of a->rows rows. It is NULL, as are
     * both kernels for shallow networks, where an instruction set has no turned layers. */
    void (*dense_turned)(const fm_rows *a, const fm_layer *layer, void *c);
    /* Writes hidden activations and outputs. */
    void (*shallow_forward)(const fm_shallow *network);
    /* Updates both layers from the outputs' deltas; the squares are as in fm_strips. */
    void (*shallow_update)(const fm_shallow *network, const fm_step *step, double *hidden_squares,
                           double *output_squares);
    /* Writes c = x b, then does what comes after. */
    void (*sparse)(const fm_csr *x, const fm_matrix *b, const fm_rows *c, const fm_after *after);
    /* Sums the gradient of some strips over a chunk's rows, and updates them after the last chunk. The deltas are those
     * of all the layer's outputs. cursor is scratch memory, one number for each row. */
    void (*update_dense)(const fm_strips *strips, const fm_rows *a, const fm_rows *deltas);
    void (*update_sparse)(const fm_strips *strips, const fm_csr *x, int64_t *cursor, const fm_rows *deltas);
    /* Writes what rows of encoded columns look up. */
    void (*look_up)(const fm_encoded *from, const fm_lookups *to);
    /* Writes the sums of bins of one panel, for each number one row more than it has inputs: FM_REAL
     * [ceil(outputs / P)][inputs of numbers + numbers][P]. They follow the weights with each update. */
    void (*sum_bins)(const fm_layer *layer, const fm_columns *columns, long panel, void *bin_sums);
    /* Writes c = x b, with the sums of bins of b, then does what comes after. */
    void (*columns)(const fm_lookups *x, const fm_matrix *b, const void *bin_sums, const fm_rows *c,
                    const fm_after *after);
    /* As update_dense, for one or more panels. The layer has sums even where every batch is one chunk. scratch has room
     * for a number for each row and for each input of a column. */
    void (*update_columns)(const fm_strips *strips, const fm_lookups *x, int32_t *scratch, const fm_rows *deltas);
    /* The same two for a layer in which each column has units of its own, as many as any other and a multiple of four.
     * The weights have an output for each unit of a column. The biases are FM_REAL [ceil(units of all columns / P)][P],
     * or NULL for none. scratch has room for FM_EMBEDDING_BYTES for each input of a column. */
    void (*embed)(const fm_lookups *x, const fm_matrix *b, const void *bin_sums, const void *biases, const fm_rows *c,
                  const fm_after *after);
    void (*update_embeddings)(const fm_strips *strips, const fm_lookups *x, void *scratch, const fm_rows *deltas);
    /* Updates some strips from finished sums, laid out as weights: those of n blocks of rows are added in pairs, then
     * the pairs in their order. NULL stands for the second of a pair that has been added to the first, and for a block
     * without rows. */
    void (*update_sums)(const fm_strips *strips, const void *const *sums, long n);
    /* These make operands (bfloat16.h), of rows and of the weights of one panel's strips, whole blocks of them. They
     * are NULL in double precision, as are the products below. */
    void (*round_left)(int terms, const fm_rows *a, void *left);
    void (*round_columns)(int terms, const fm_rows *a, void *columns, long blocks);
    void (*round_right)(int terms, const fm_rows *a, void *right, long blocks);
    void (*round_strips)(const fm_layer *layer, long panel, long first, long last);
    /* As dense, with operands. b is read for its biases, and, where there is no right operand, to make it. */
    void (*bfloat16_dense)(const fm_bfloat16_operands *operands, const fm_matrix *b, const fm_rows *c,
                           const fm_after *after);
    /* As update_dense, with operands, for one or more panels and whole blocks of inputs. */
    void (*bfloat16_update)(const fm_strips *strips, const fm_bfloat16_batch *batch, const fm_rows *deltas);
    /* Makes the gradient of the layer's finished sums, in their place. The squares get each strip's penalty, and norms
     * [panels][strips of a panel + 1] each strip's squared gradient, then that of the panel's biases. */
    void (*prepare_sums)(const fm_strips *strips, double *norms);
    /* Shortens the weights that one panel's units have for the inputs [first, last) to the layer's limit. The biases
     * go with the last input. */
    void (*limit_norms)(const fm_layer *layer, long panel, long first, long last, const fm_step *step);
    /* Writes what dropout leaves of rows to another place that is laid out as they are, or to the same. */
    void (*drop)(const fm_rows *rows, void *to, const fm_mask *mask);
    /* Adds normal noise to rows, in place. */
    void (*add_noise)(const fm_rows *rows, const fm_mask *mask);
    /* Writes 1 or 0 for each value of rows, its probability of being 1, to another place that is laid out as they are,
     * or to the same. Of the mask, key and row count. */
    void (*bernoulli)(const fm_rows *rows, void *to, const fm_mask *mask);
    /* Writes the sums of rows and other rows to a third place, or to either; all three are laid out alike. */
    void (*add)(const fm_rows *rows, const void *other, void *to);
    /* Centres and scales rows column by column, in place; means and scales are FM_REAL [width]. */
    void (*standardize)(const fm_rows *rows, const void *means, const void *scales);
    /* Normalises pre-activations z, or takes deltas back through that, in place. */
    void (*layer_norm)(const fm_rows *z, const fm_norm *norm);
    void (*layer_norm_back)(const fm_rows *deltas, const fm_norm *norm);
    /* Writes the moments of one block of rows, in panels of two rows. There is a weight for each of these rows, and
     * they add up to weight; or weights is NULL. */
    void (*column_moments)(const fm_rows *z, const double *weights, double weight, void *moments);
    /* Joins the moments of all blocks, in the blocks' order; writes means and scales, FM_REAL [width]. */
    void (*join_moments)(const fm_moments *blocks, const fm_running *running, double epsilon, void *means,
                         void *scales);
    void (*batch_norm)(const fm_rows *z, const fm_norm *norm);
    /* Writes, in panels of two rows, the sums over one block of rows of deltas, and of deltas times normalized, which
     * is laid out as they are. */
    void (*column_sums)(const fm_rows *deltas, const void *normalized, void *sums);
    /* Adds the sums of all blocks, in the blocks' order; step is the elements from one block's to the next. */
    void (*join_sums)(long width, long blocks, const void *sums, long step, void *total);
    /* share is 1 / (rows of the batch). There is a weight for each of these rows, or weights is NULL; a row has moved
     * the moments as much as it weighs. */
    void (*batch_norm_back)(const fm_rows *deltas, const fm_norm *norm, const void *total, double share,
                            const double *weights);
    /* Does multiply-adds of registers, for as many steps, and returns their number. No product takes less time for as
     * many. */
    long (*multiply_add)(long steps);
    /* Writes the moments of all rows from their scores and targets. */
    void (*tree_gradients)(const fm_boosting *boosting);
    /* Writes the sums of the moments of some rows, for each bin of each column: FM_REAL [bins][lanes]. */
    void (*tree_sums)(const fm_tree_rows *rows, const fm_tree_columns *columns, void *sums);
    /* Finds the best split of the rows that have these sums of bins, and this total, FM_REAL [lanes]. Of equal ones it
     * is that of the first column, and of the lowest threshold. left gets the sums of the rows that go left. */
    void (*tree_split)(const fm_tree_columns *columns, const void *sums, const void *total,
                       const fm_tree_limits *limits, void *left, fm_tree_split *split);
    /* Finds the split that gains most where all of some leaves are split alike, given the sums of bins of each and all
     * totals, FM_REAL [leaves][lanes]. Leaves may become empty. */
    void (*tree_level)(const fm_tree_columns *columns, long leaves, const void *const *sums, const void *totals,
                       const fm_tree_limits *limits, fm_tree_split *split);
    /* Takes n sums of a part away from those of the whole. */
    void (*tree_rest)(long n, void *whole, const void *part);
    /* Puts those of some rows first whose codes are no larger than a threshold; returns how many they are. scratch has
     * room for all of the rows. */
    long (*tree_part)(long rows, int32_t *order, const uint8_t *codes, int threshold, int32_t *scratch);
    /* Gives a new leaf's number to those rows of a leaf whose codes are larger than a threshold. */
    void (*tree_leaves)(long rows, const uint8_t *codes, int threshold, int leaf, int new_leaf, uint8_t *leaves);
    /* Adds a step to the leaves of the rows whose codes are larger than a threshold. */
    void (*tree_sides)(long rows, const uint8_t *codes, int threshold, int step, uint8_t *leaves);
    /* Writes the leaves of at most FM_TREE_ROWS rows, given their codes in each column, [][FM_TREE_ROWS]. There is room
     * for as many leaves. */
    void (*tree_numbers)(long rows, const fm_tree *tree, const uint8_t *codes, uint8_t *leaves);
    /* Adds to the sum of each row the value of its leaf: FM_REAL [n_leaves] and [rows]. Up to a whole vector of rows,
     * there is room for further leaves and sums, and these may change. */
    void (*tree_values)(long rows, const uint8_t *leaves, long n_leaves, const void *values, void *sums);
    /* These are about centres near rows. A matrix that has them as its columns has a row for each feature. */

    /* Writes the column of each row's smallest number, and that of its second smallest; of equal ones it is the first.
     * It is column 0 where no number is less than infinity. second is NULL where nobody needs it. */
    void (*smallest)(const fm_rows *rows, int32_t *first, int32_t *second);
    /* Writes the squared distance from each row to each centre, as the sum of squared differences. */
    void (*squared_distances)(const fm_rows *rows, const fm_rows *centres, const fm_rows *squares);
    /* Writes the squared distance from each row to that row of others which has the number given for it. */
    void (*distances_between)(const fm_rows *rows, const fm_rows *others, const int32_t *numbers, double *squares);
    /* Adds each row, times its weight, to the sum that has the number given for it, of sums [][width]. weights is NULL
     * where all weigh 1. */
    void (*add_to)(const fm_rows *rows, const int32_t *numbers, const double *weights, double *sums);
    /* Moves each centre toward one row, by its share of the way: FM_REAL [ceil(centres / P)][P], of which the padding is
     * zero. */
    void (*pull)(const fm_rows *row, const void *shares, const fm_rows *centres);

    /* Families with many members, which are indexed by the position of a member's line in its table. */

    const fm_gather_fn *gather;
    /* After those of the table comes native. */
    const fm_activate_fn *activate;
    const fm_derivative_fn *derivative;
    const fm_loss_fn *loss;
    /* Indexed as the losses are. */
    const fm_link_fn *link;
} fm_kernels;

/* dispatch.c: the instruction sets that were compiled, narrowest first. */
int fm_isa_count(void);
const char *fm_isa_name(int isa);
int fm_isa_supported(int isa);
int fm_isa_vector_bytes(int isa);
int fm_isa_has_bfloat16(int isa);
const fm_kernels *fm_isa_kernels(int isa, int bits);

/* dispatch.c, rules.c: what the tables say of their members, in the tables' order. Past the end names are NULL. */
const char *fm_source_codes(void);
const char *fm_activation_name(int i);
int fm_activation_parameters(int i);
int fm_activation_learnable(int i);
/* Whether training must keep slopes; that is so for native, which comes after the table, as well. */
int fm_activation_sloped(int i);
const char *fm_loss_name(int i);
int fm_loss_takes_classes(int i);
const char *fm_loss_link(int i);
const char *fm_rule_name(int i);
int fm_rule_slots(int i);
/* Makes a rule's constants of its hyperparameters, for update number t, which counts from 1. */
void fm_rule_prepare(int i, const double *hyper, double t, double *constants);

/* cpu.c: what the CPU and the operating system offer. */
typedef enum { FM_CPU_BASELINE, FM_CPU_AVX2, FM_CPU_AVX512, FM_CPU_AVX512BF16, FM_CPU_AMX } fm_cpu_level;
int fm_cpu_has(fm_cpu_level level);
/* Asks the operating system to let this process use AMX; returns whether it does from now on. */
int fm_cpu_request_amx(void);
/* Has the calling thread take denormal numbers for zero; returns the mode to restore. */
unsigned fm_denormals_flush(void);
void fm_denormals_restore(unsigned mode);
/* A clock that never goes back, and the CPU time of all threads of the process. */
double fm_seconds(void);
double fm_cpu_seconds(void);

/* barrier.c: it is zeroed before its first use, and touched by fm_barrier_wait() alone. */
typedef struct {
    int arrived, round, sleepers;
} fm_barrier;
void fm_barrier_wait(fm_barrier *barrier, int n_threads);

/* helpers.c: work that the caller shares with threads that come in time. The function does one share of it, and returns
 * 0 when the helper shall take no more. number tells the helpers of one call apart and counts from 1; waited is how
 * many seconds this helper had to wait for a CPU so far. */
typedef int (*fm_help_fn)(void *network, void *rows, void *work, int number, double waited);
typedef struct {
    fm_help_fn function;
    void *network, *rows, *work;
    /* When helpers were called, and the first of them; these are for helpers.c alone. */
    double called;
    int first;
} fm_call;
/* Calls up to n helpers. They are dismissed before anything that the call names is gone. */
void fm_call_helpers(fm_call *call, int n);
void fm_dismiss_helpers(fm_call *call);
/* Adds n to what has been taken, one thread after another; returns what had been taken before. */
long fm_take(long *taken, long n);

#endif
