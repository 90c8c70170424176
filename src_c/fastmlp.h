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
#define FM_UNIT 8     /* input rows per work unit of the weight update */
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

typedef struct fm_step {
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
    fm_next_rows *next;              /* may be NULL */
    const struct fm_step *of_biases; /* where biases have other constants than weights; NULL where they have the same */
} fm_step;

typedef void (*fm_gather_fn)(const void *x, ptrdiff_t row_bytes, const int64_t *order, long rows, long width, void *out,
                             long stride);
typedef void (*fm_elementwise_fn)(long rows, long width, void *a, long stride);
/* An activation and its derivative, on rows of one panel, one after another. units: the panel's row of learned numbers; NULL
 * where number is that of all units. slopes and shapes, NULL where nobody needs them, get df/dz and df/dnumber, of
 * which the way back makes deltas. at: the activations, or the slopes of an activation that is sloped. */
typedef void (*fm_activate_fn)(long rows, void *a, void *slopes, void *shapes, const void *units, double number);
typedef void (*fm_derivative_fn)(long rows, const void *at, void *deltas, void *shapes, double number);
/* A user's own activation, which takes the place of units, for a panel of so many units: padding it never sees. */
typedef struct {
    double (*value)(double), (*slope)(double);
    long width;
} fm_native;
/* What a loss may be told, one number per output each: the option it has, if any (NULL for its default), and a weight of the
 * output's loss and delta (NULL for 1), which only losses with a matrix of targets take. */
typedef struct {
    const double *options, *output_weights;
} fm_loss_settings;
/* z in, deltas out; order picks the targets and weights; one weighted loss per row. weights may be NULL. */
typedef void (*fm_loss_fn)(long rows, long outputs, void *z, long stride, const void *targets, const int64_t *order,
                           const double *weights, double *row_losses, const fm_loss_settings *settings);

/* What a product does to a block of c while it is still in the first-level cache: an activation, a derivative, or nothing.
 * All but units are laid out as c. */
typedef struct {
    fm_activate_fn activate;
    fm_derivative_fn derivative;
    const void *at;
    void *slopes, *shapes;
    const void *units; /* panel after panel, units_step bytes apart: learned numbers, or what native stands for */
    ptrdiff_t units_step;
    double number;
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

typedef struct {
    /* families with one member */
    void (*scatter)(const void *panels, long stride, long rows, long width, void *out, ptrdiff_t row_bytes);
    int (*holds)(const void *panels, long stride, long rows, long width, const void *x, ptrdiff_t row_bytes);
    int (*finite)(long n, const void *x);
    void (*pack_transposed)(const void *weights, long inputs, long outputs, void *transposed);
    /* b_rows: of each panel of b, biases included if there are any; biased: whether they are added. */
    void (*dense)(long rows, long outputs, long depth, const void *a, long a_stride, const void *b, long b_rows,
                  int biased, void *c, long c_stride, const fm_after *after);
    /* The same product for a turned layer, biases included; NULL where there are none. */
    void (*dense_turned)(long rows, const fm_layer *layer, const void *a, long a_stride, void *c);
    /* A network of one hidden layer, relu, more than FM_NARROW units of it, at most FM_SHALLOW inputs and a turned output
     * layer: hidden activations h and outputs z of rows; and from the outputs' deltas the update of both layers, squares as
     * with update_dense. NULL where there are none. All rows have the same stride. */
    void (*shallow_forward)(long rows, const fm_layer *hidden, const fm_layer *output, const void *x, long stride,
                            void *h, void *z);
    void (*shallow_update)(const fm_layer *hidden, const fm_layer *output, long rows, const void *x, const void *h,
                           const void *deltas, long stride, const fm_step *step, double *hidden_squares,
                           double *output_squares);
    void (*sparse)(long rows, long outputs, long inputs, const fm_csr *x, const void *weights, int biased, void *c,
                   long c_stride, const fm_after *after);
    /* units [from, to) of one output panel, each of FM_UNIT inputs, in a turned layer of a panel of inputs; biases go with
     * the last. squares[unit] gets the sum of the squared weights before the update; squares may be NULL. cursor:
     * scratch, one per batch row. */
    void (*update_dense)(const fm_layer *layer, long panel, long from, long to, long rows, const void *a, long a_stride,
                         const void *deltas, long d_stride, const fm_step *step, double *squares);
    void (*update_sparse)(const fm_layer *layer, long panel, long from, long to, long rows, const fm_csr *x,
                          int64_t *cursor, const void *deltas, long d_stride, const fm_step *step, double *squares);
    /* The same from finished gradient sums, laid out as weights: those of n row blocks, added in pairs, then the pairs in
     * their order. NULL stands for the second of a pair that has been added to the first, and for blocks without rows. */
    void (*update_sums)(const fm_layer *layer, long panel, long from, long to, const void *const *sums, long n,
                        const fm_step *step, double *squares);
    /* A layer's products with operands of bfloat16 terms (bfloat16.h); NULL in double precision. The first three make
     * operands of rows in panels, round_units those of the weights, whole blocks of one panel. bfloat16_dense takes b's
     * operand as right; or NULL, and makes it itself, in scratch, which holds one panel's. */
    void (*round_left)(int terms, long rows, long width, const void *a, long a_stride, void *left);
    void (*round_columns)(int terms, long rows, long width, const void *a, long a_stride, void *columns, long blocks);
    void (*round_right)(int terms, long rows, long width, const void *a, long a_stride, void *right, long blocks);
    void (*round_units)(const fm_layer *layer, long panel, long from, long to);
    void (*bfloat16_dense)(int terms, long rows, long outputs, long depth, const void *left, const void *right,
                           void *scratch, const void *b, long b_rows, int biased, void *c, long c_stride,
                           const fm_after *after);
    void (*bfloat16_update)(const fm_layer *layer, long panel_from, long panel_to, long from, long to, long rows,
                            const void *columns, const void *right, long blocks, const void *deltas, long d_stride,
                            const fm_step *step, double *squares, long squares_step);
    /* Of finished gradient sums, laid out as weights, the gradient, in their place. squares and norms: for each unit, and
     * for norms then the biases, the sum of its penalty and of its squared gradient. */
    void (*prepare_sums)(const fm_layer *layer, long panel, long from, long to, const fm_step *step, double *squares,
                         double *norms);
    /* The weights of one panel's units, made short enough. */
    void (*limit_norms)(const fm_layer *layer, long panel, const fm_step *step);
    /* Rows in panels: dropped in part on the way to another place (or the same), with normal noise on top, and centred and
     * scaled column by column (panels of one row). */
    void (*drop)(long rows, long width, const void *from, void *to, long stride, const fm_mask *mask);
    void (*add_noise)(long rows, long width, void *x, long stride, const fm_mask *mask);
    void (*standardize)(long rows, long width, void *x, long stride, const void *means, const void *scales);
    /* Normalisation, see normalize_tmpl.c. */
    void (*layer_norm)(long rows, long width, void *z, long stride, void *normalized, void *scales, const void *gains,
                       const void *biases, long biases_step, double epsilon);
    void (*layer_norm_back)(long rows, long width, void *deltas, long stride, void *normalized, void *bias_deltas,
                            const void *scales, const void *gains);
    void (*column_moments)(long rows, long width, const void *z, long stride, const double *weights, double weight,
                           void *moments);
    void (*join_moments)(long width, long rows, long block_rows, const double *block_weights, const void *moments,
                         long step, double epsilon, double share, double freedom, void *running, void *means,
                         void *scales);
    void (*batch_norm)(long rows, long width, void *z, long stride, void *normalized, const void *means,
                       const void *scales, const void *gains, const void *biases, long biases_step);
    void (*column_sums)(long rows, long width, const void *deltas, long stride, const void *normalized, void *sums);
    void (*join_sums)(long width, long blocks, const void *sums, long step, void *total);
    void (*batch_norm_back)(long rows, long width, void *deltas, long stride, void *normalized, void *bias_deltas,
                            const void *scales, const void *gains, const void *total, double share,
                            const double *weights);
    /* Multiply-adds of registers, for as many steps; returns their number. What they take is the least that as many in a
     * product can take. */
    long (*multiply_add)(long steps);
    /* families with many members, indexed by the position of the member's line in its .def file */
    const fm_gather_fn *gather;
    const fm_activate_fn *activate; /* and one more: native */
    const fm_derivative_fn *derivative;
    const fm_loss_fn *loss;
    const fm_elementwise_fn *link;
} fm_kernels;

/* dispatch.c: instruction sets, narrowest first. */
int fm_isa_count(void);
const char *fm_isa_name(int isa);
int fm_isa_supported(int isa);
int fm_isa_vector_bytes(int isa);
const fm_kernels *fm_isa_kernels(int isa, int bits);

/* dispatch.c: the members' names in table order; NULL past the end. */
const char *fm_source_codes(void);
const char *fm_activation_name(int i);
int fm_activation_numbers(int i);   /* how many it has, 0 or 1 */
int fm_activation_learnable(int i); /* whether each unit may have its own */
int fm_activation_sloped(int i);    /* whether training must keep slopes */
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
