/* The C interface: everything Cython sees of src_c/.
 *
 * C owns one contiguous block on one core: no Python, no malloc, no OpenMP in here. The interface lists kernel
 * *families*; their members (activations, losses, update rules, source types, instruction sets) are rows of tables
 * filled from the .def files, so a new member changes nothing on this page.
 *
 * Layout. A panel is 128 bytes wide, FM_PANEL elements, on every instruction set.
 *   activations, deltas   [ceil(width / P)][stride][P]: row r, column c at (c / P) * stride * P + r * P + c % P
 *   weights               [ceil(outputs / P)][inputs + 1][P], the last row of each panel holds the biases
 *   transposed weights    [ceil(inputs / P)][outputs][P]
 *   turned weights        the same, and a row of biases after them; for a layer of at most FM_NARROW outputs
 *   gradient sums, slots  as weights
 * Padding columns hold zero in weights, slots, sums and deltas. In activations they hold anything: a kernel that reads them
 * keeps them out of its results. Every buffer is 64-byte aligned.
 *
 * Every product is summed strictly in the order of its inner index (inputs, outputs or batch rows; for few outputs on
 * AVX-512 in partial sums, see narrow_sum), one element at a time, so that results depend neither on how rows and tiles
 * are shared out nor on whether the input was sparse. (Products of bfloat16 numbers: see bfloat16.h.)
 */
#ifndef FASTMLP_H
#define FASTMLP_H
#include <stddef.h>
#include <stdint.h>

#define FM_PANEL_BYTES 128
#define FM_STRIP 8    /* inputs of a strip, the smallest share of a weight update: one panel of outputs wide */
#define FM_NARROW 4   /* so few outputs have kernels of their own, where a vector holds many */
#define FM_SHALLOW 16 /* so few inputs have them where the only hidden layer is relu and the outputs are narrow */
#define FM_MAX_SLOTS 3
#define FM_MAX_HYPER 8

/* A layer of weights; also, with no inputs, a vector of one parameter per unit, which lies where the biases would. */
typedef struct {
    long inputs, outputs;
    void *weights;
    void *transposed; /* kept in step with weights; NULL where nobody needs it */
    int turned; /* a layer of few outputs whose weights are laid out as another's transposed ones; on AVX-512 only */
    void *sums; /* gradient sums carried between the chunks of one batch; NULL when a batch is one chunk */
    void *slots[FM_MAX_SLOTS];
    int terms;                /* of bfloat16 operands, see bfloat16.h; 0 where products are of FM_REAL */
    void *rounded;            /* the weights as an operand, kept in step with them; NULL where nobody needs it */
    void *rounded_transposed; /* NULL where nobody needs it */
    const void *bias_deltas; /* the biases' deltas where they are not those of the weights, laid out as they; or NULL */
    void *average;           /* of the weights over the steps; NULL for none */
    double limit;            /* of the norm of a unit's weights; 0 for none */
} fm_layer;

/* Rows of X that the next minibatch will gather. The update's tiles ask the second-level cache for them, some lines each:
 * memory takes longer than gathering by itself could hide. */
typedef struct {
    const char *x;
    ptrdiff_t row_bytes;
    const int64_t *order; /* of the rows that are left */
    long rows;            /* so many */
    long width_bytes;     /* of a row, from its beginning */
    long done_bytes;      /* of the first row left */
    double lines_due;
    double lines_per_multiply_add;
} fm_next_rows;

typedef struct {
    int rule;
    int first, last;   /* first chunk of the batch: sums start at zero; last: the rule is applied */
    int add;           /* not the last: the finished sums are added to those there are */
    int prepares;      /* whether l1 or clip_value is in use: the gradient is made before the rule sees it */
    double l2;         /* added to the weights' gradient sum, times the weight; biases go free */
    double l1;         /* the same, times the weight's sign */
    double scale;      /* 1 / (sum of the batch's sample weights) */
    double clip_value; /* the largest size of an element of the gradient; 0 for any */
    double decay;      /* what stays of the average in this step */
    double constants[FM_MAX_HYPER];
    fm_next_rows *next; /* may be NULL */
} fm_step;

/* Rows of a matrix in panels, or what becomes one. A kernel writes to those of its arguments whose comment says so. */
typedef struct {
    void *at;    /* FM_REAL [ceil(width / P)][stride][P], from the first of these rows on; the caller's */
    long stride; /* rows from one panel to the next, at least as many as there are */
    long rows;
    long width; /* columns */
} fm_rows;

/* Rows of a plain array, to be read in any order. */
typedef struct {
    const void *x;        /* the row with number 0, elements of a source type side by side */
    ptrdiff_t row_bytes;  /* from one row to the next */
    const int64_t *order; /* the numbers of the rows to read; NULL for 0, 1, 2, ... */
} fm_source;

/* The right operand of a product: weights, transposed weights, or any matrix in panels. */
typedef struct {
    const void *at; /* FM_REAL [panels of the result's columns][panel_rows][P] */
    long depth;     /* rows that are multiplied: the product's inner index */
    long panel_rows;
    int biased; /* whether row number depth is added to each row of the product */
} fm_matrix;

/* Gathers as many rows of the source as the panels shall have; writes rows. */
typedef void (*fm_gather_fn)(const fm_source *source, const fm_rows *rows);
/* A loss's link, in place. */
typedef void (*fm_link_fn)(const fm_rows *z);
/* An activation and its derivative, on rows of one panel, one after another. Their arguments fit the registers, and they are
 * called for every register tile of a product: hence no struct.
 *
 * parameters: the panel's row of the units' own activation parameters; NULL where parameter is that of all units. slopes and
 * parameter_slopes, NULL where nobody needs them, get df/dz and df/dparameter, of which the way back makes deltas. at: the
 * activations, or the slopes of an activation that is sloped. */
typedef void (*fm_activate_fn)(long rows, void *a, void *slopes, void *parameter_slopes, const void *parameters,
                               double parameter);
typedef void (*fm_derivative_fn)(long rows, const void *at, void *deltas, void *parameter_slopes, double parameter);
/* A user's own activation, which takes the place of parameters, for a panel of so many units: padding it never sees. */
typedef struct {
    double (*value)(double), (*slope)(double);
    long width;
} fm_native;

/* What the loss of some rows is made from, beside their outputs. */
typedef struct {
    const void *targets;   /* int32_t [samples], class numbers; or FM_REAL [samples][outputs], as the loss wants them */
    const int64_t *order;  /* [rows], which sample each row is; NULL for 0, 1, 2, ... */
    const double *weights; /* [samples]; NULL where all count 1 */
} fm_samples;
/* What a loss may be told, one number per output each. Only losses with a matrix of targets take output_weights. */
typedef struct {
    const double *options;        /* [outputs], the option that the loss has, if any; NULL for its default */
    const double *output_weights; /* [outputs], factors of the output's loss and delta; NULL for 1 */
} fm_loss_settings;
/* z: the output layer's pre-activations in, its deltas out. row_losses [rows] gets each row's weighted loss. */
typedef void (*fm_loss_fn)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                           const fm_loss_settings *settings);

/* What a product does to a block of c while it is still in the first-level cache: an activation, a derivative, or nothing. */
typedef struct {
    fm_activate_fn activate;     /* NULL for none */
    fm_derivative_fn derivative; /* NULL for none; never beside an activation */
    const void *at;              /* laid out as c: what the derivative reads; NULL without one */
    void *slopes;                /* laid out as c: what the activation keeps; NULL where nobody needs it */
    void *parameter_slopes;      /* the same; the derivative makes the parameters' deltas of them */
    const void *parameters;      /* panel after panel: learned activation parameters, or what fm_native stands for */
    ptrdiff_t parameters_step;   /* bytes between those of two panels */
    double parameter;
} fm_after;

/* Random numbers by counting: each depends on key, row and column alone. */
typedef struct {
    uint64_t key;
    long row;           /* the number of the first row */
    uint32_t threshold; /* of 2^32 numbers so many drop a value */
    double scale;       /* of the values that stay */
} fm_mask;

/* Rows of a compressed sparse row matrix, columns ascending within a row. */
typedef struct {
    const int64_t *order; /* which rows, or NULL for 0, 1, 2, ... */
    const int64_t *indptr;
    const int32_t *indices;
    const void *data;
    const void *scale;   /* of each column, or NULL */
    const fm_mask *mask; /* of each element, or NULL */
} fm_csr;

/* Some strips of a layer's weights, the step they make and where their squares go. */
typedef struct {
    const fm_layer *layer;
    long panel, panel_end; /* panels of outputs [panel, panel_end): one, but where a kernel says that it takes more */
    long first,
        last; /* strips [first, last) of each panel; in a turned layer a strip is a panel of inputs. The biases go
                              with the last strip that there is */
    const fm_step *step;
    double *squares; /* [panels][strips of a panel], of the whole layer: each strip's sum of squared weights before the
                        update (with l1, its penalty); NULL where nobody needs them */
} fm_strips;

/* A network of one hidden layer, relu, more than FM_NARROW units of it, at most FM_SHALLOW inputs and a turned output
 * layer, with some of its rows, which have the same stride everywhere. */
typedef struct {
    const fm_layer *hidden, *output;
    long rows, stride;
    const void *x; /* as fm_rows.at: the inputs */
    void *h;       /* the hidden activations: written on the way forward, read by the update */
    void *z;       /* on the way forward the outputs' pre-activations, written; the outputs' deltas for the update */
} fm_shallow;

/* Operands of bfloat16 terms for a layer's product, see bfloat16.h. */
typedef struct {
    int terms;
    const void *left;  /* what round_left() made of the rows */
    const void *right; /* what round_strips() keeps of the weights; NULL where the product shall make it in scratch */
    void *scratch;     /* room for one panel's right operand; NULL where there is right */
} fm_bfloat16_operands;

/* Operands of bfloat16 terms for a layer's weight gradient, a sum over the rows. */
typedef struct {
    const void *columns; /* what round_columns() made of the layer's inputs */
    const void *right;   /* what round_right() made of the deltas */
    long blocks;         /* of rows, from one panel of either to the next */
} fm_bfloat16_batch;

/* A normalisation of rows, forward and back (see normalize_tmpl.c for its formulas). The vectors lie in panels of one row. */
typedef struct {
    void *normalized;  /* laid out as the rows: x on the way forward, NULL where there is no way back; on that read, and
                               replaced by the gains' deltas */
    void *bias_deltas; /* laid out as the rows: the deltas of y; way back only */
    const void *means; /* FM_REAL [width]; batch normalisation only */
    void *scales;      /* FM_REAL [width] in batch normalisation, read. [rows] in layer normalisation, written on the
                               way forward, or NULL where there is no way back; read on that */
    const void *gains; /* FM_REAL [width] */
    const void *biases; /* the first panel's row; way forward only */
    long biases_step;   /* elements from one panel's row to the next */
    double epsilon;     /* added to the variance; layer normalisation, way forward */
} fm_norm;

/* Moments of all columns, of some blocks of rows. */
typedef struct {
    long width, rows;
    long block_rows;             /* of each block but the last, which has what is left */
    const double *block_weights; /* [blocks], what the rows of each weigh; NULL where rows have no weights */
    const void *moments; /* FM_REAL [blocks][panels of two rows], of which step elements lie between two blocks */
    long step;
} fm_moments;

/* Batch normalisation's running moments, and how they move. */
typedef struct {
    void *moments;  /* FM_REAL in panels of two rows, mean and variance; written; NULL where they shall stay */
    double share;   /* of the way to the batch's moments */
    double freedom; /* the variance is the batch's sum of squared deviations over this */
} fm_running;

typedef struct {
    int vector_bytes; /* of a register */
    int has_bfloat16; /* whether products ask for the hardware's bfloat16 products */
    /* families with one member */
    void (*scatter)(const fm_rows *rows, void *out, ptrdiff_t row_bytes);
    int (*holds)(const fm_rows *rows, const void *x, ptrdiff_t row_bytes);
    int (*finite)(long n, const void *x);
    void (*pack_transposed)(const void *weights, long inputs, long outputs, void *transposed);
    /* c = a b, then what comes after; a->width is b->depth. */
    void (*dense)(const fm_rows *a, const fm_matrix *b, const fm_rows *c, const fm_after *after);
    /* The same product for a turned layer, biases included; c is one panel, with room for a->rows rows. NULL where there are
     * no turned layers. */
    void (*dense_turned)(const fm_rows *a, const fm_layer *layer, void *c);
    /* Hidden activations and outputs; and from the outputs' deltas the update of both layers, squares as in fm_strips. NULL
     * where there are no turned layers. */
    void (*shallow_forward)(const fm_shallow *network);
    void (*shallow_update)(const fm_shallow *network, const fm_step *step, double *hidden_squares,
                           double *output_squares);
    /* c = x b, then what comes after. */
    void (*sparse)(const fm_csr *x, const fm_matrix *b, const fm_rows *c, const fm_after *after);
    /* The gradient over the batch's rows and the step; deltas are those of all the layer's outputs. cursor: scratch, one per
     * batch row. */
    void (*update_dense)(const fm_strips *strips, const fm_rows *a, const fm_rows *deltas);
    void (*update_sparse)(const fm_strips *strips, const fm_csr *x, int64_t *cursor, const fm_rows *deltas);
    /* The same from finished gradient sums, laid out as weights: those of n row blocks, added in pairs, then the pairs in
     * their order. NULL stands for the second of a pair that has been added to the first, and for blocks without rows. */
    void (*update_sums)(const fm_strips *strips, const void *const *sums, long n);
    /* A layer's products with operands of bfloat16 terms (bfloat16.h); NULL in double precision. The first three make
     * operands of rows in panels, round_strips those of the weights, whole blocks of one panel. bfloat16_dense is as dense;
     * b is read for its biases, and for all where the operands lack right. bfloat16_update takes several panels. */
    void (*round_left)(int terms, const fm_rows *a, void *left);
    void (*round_columns)(int terms, const fm_rows *a, void *columns, long blocks);
    void (*round_right)(int terms, const fm_rows *a, void *right, long blocks);
    void (*round_strips)(const fm_layer *layer, long panel, long first, long last);
    void (*bfloat16_dense)(const fm_bfloat16_operands *operands, const fm_matrix *b, const fm_rows *c,
                           const fm_after *after);
    void (*bfloat16_update)(const fm_strips *strips, const fm_bfloat16_batch *batch, const fm_rows *deltas);
    /* Of finished gradient sums, the layer's, the gradient, in their place. squares get each strip's penalty, norms
     * [panels][strips of a panel + 1] each strip's squared gradient, then that of the biases. */
    void (*prepare_sums)(const fm_strips *strips, double *norms);
    /* The weights of one panel's units, made short enough. */
    void (*limit_norms)(const fm_layer *layer, long panel, const fm_step *step);
    /* Rows dropped in part on the way to another place, laid out as they (or the same); with normal noise on top; and centred
     * and scaled column by column, by panels of one row. The latter two write rows. */
    void (*drop)(const fm_rows *rows, void *to, const fm_mask *mask);
    void (*add_noise)(const fm_rows *rows, const fm_mask *mask);
    void (*standardize)(const fm_rows *rows, const void *means, const void *scales);
    /* Normalisation of z, in place, and of its deltas. */
    void (*layer_norm)(const fm_rows *z, const fm_norm *norm);
    void (*layer_norm_back)(const fm_rows *deltas, const fm_norm *norm);
    /* weights: one for each of these rows, which add up to weight; or NULL. Writes moments, panels of two rows. */
    void (*column_moments)(const fm_rows *z, const double *weights, double weight, void *moments);
    /* Writes means and scales, panels of one row. */
    void (*join_moments)(const fm_moments *blocks, const fm_running *running, double epsilon, void *means,
                         void *scales);
    void (*batch_norm)(const fm_rows *z, const fm_norm *norm);
    /* Of deltas and of deltas times normalized (laid out as they); writes sums, panels of two rows. */
    void (*column_sums)(const fm_rows *deltas, const void *normalized, void *sums);
    /* step: elements between two blocks' sums. Writes total, panels of two rows. */
    void (*join_sums)(long width, long blocks, const void *sums, long step, void *total);
    /* share: 1 / (rows of the batch). weights: of these rows, or NULL. A row moves the moments as much as it weighs. */
    void (*batch_norm_back)(const fm_rows *deltas, const fm_norm *norm, const void *total, double share,
                            const double *weights);
    /* Multiply-adds of registers, for as many steps; returns their number. What they take is the least that as many in a
     * product can take. */
    long (*multiply_add)(long steps);
    /* families with many members, indexed by the position of the member's line in its .def file */
    const fm_gather_fn *gather;
    const fm_activate_fn *activate; /* and one more: native */
    const fm_derivative_fn *derivative;
    const fm_loss_fn *loss;
    const fm_link_fn *link;
} fm_kernels;

/* dispatch.c: instruction sets, narrowest first. */
int fm_isa_count(void);
const char *fm_isa_name(int isa);
int fm_isa_supported(int isa);
int fm_isa_vector_bytes(int isa);
int fm_isa_has_bfloat16(int isa);
const fm_kernels *fm_isa_kernels(int isa, int bits);

/* dispatch.c: the members' names in table order; NULL past the end. */
const char *fm_source_codes(void);
const char *fm_activation_name(int i);
int fm_activation_parameters(int i); /* how many it has, 0 or 1 */
int fm_activation_learnable(int i);  /* whether each unit may have its own */
int fm_activation_sloped(int i);     /* whether training must keep slopes */
const char *fm_loss_name(int i);
int fm_loss_takes_classes(int i); /* targets are int32 class numbers, not a matrix of the compute type */
const char *fm_loss_link(int i);
const char *fm_rule_name(int i);
int fm_rule_slots(int i);
void fm_rule_prepare(int i, const double *hyper, double t, double *constants);

/* cpu.c */
typedef enum { FM_CPU_BASELINE, FM_CPU_AVX2, FM_CPU_AVX512, FM_CPU_AVX512BF16, FM_CPU_AMX } fm_cpu_level;
int fm_cpu_has(fm_cpu_level level);
int fm_cpu_request_amx(void);      /* whether the operating system lets this process use it, from now on */
unsigned fm_denormals_flush(void); /* for the calling thread; returns the mode to restore */
void fm_denormals_restore(unsigned mode);
double fm_seconds(void);     /* monotonic clock */
double fm_cpu_seconds(void); /* of all threads of the process */

/* barrier.c; zeroed before its first use, touched through fm_barrier_wait only. */
typedef struct {
    int arrived, round, sleepers;
} fm_barrier;
void fm_barrier_wait(fm_barrier *barrier, int n_threads);

/* helpers.c: work that the caller shares with threads that come in time. function does a share; it returns 0 when the helper
 * is to take no more. number tells helpers of one call apart, from 1 on; waited is how many seconds this one had to wait
 * for a CPU so far. Up to n helpers are called, and are dismissed before anything that call names is gone. */
typedef int (*fm_help_fn)(void *network, void *rows, void *work, int number, double waited);
typedef struct {
    fm_help_fn function;
    void *network, *rows, *work;
    double called; /* when, and whom first: for helpers.c */
    int first;
} fm_call;
void fm_call_helpers(fm_call *call, int n);
void fm_dismiss_helpers(fm_call *call);
long fm_take(long *taken, long n); /* adds n; returns what was taken before. By one thread after another. */

#endif
