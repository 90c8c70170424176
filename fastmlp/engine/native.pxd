"""The C interface (src_c/include/fastmlp.h), and the one adapter from an element type to its kernels."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "fastmlp.h" nogil:
    const int FM_PANEL_BYTES
    const int FM_STRIP
    const int FM_EMBEDDING_BYTES
    const int FM_NARROW
    const int FM_SHALLOW
    const int FM_MAX_SLOTS
    const int FM_MAX_HYPER
    const int FM_TREE_QUAD
    const int FM_TREE_CODES
    const int FM_TREE_ROWS

    ctypedef struct fm_mask:
        uint64_t key
        long row
        uint32_t threshold
        double scale

    ctypedef struct fm_csr:
        const int64_t *order
        const int64_t *indptr
        const int32_t *indices
        const void *data
        const void *scale
        const fm_mask *mask

    ctypedef struct fm_layer:
        long inputs
        long outputs
        void *weights
        void *transposed
        int turned
        void *sums
        void *slots[3]
        int terms
        void *rounded
        void *rounded_transposed
        const void *bias_deltas
        int unbiased
        void *average
        double limit

    ctypedef struct fm_next_rows:
        const char *x
        Py_ssize_t row_bytes
        const int64_t *order
        long rows
        long width_bytes
        long done_bytes
        double lines_due
        double lines_per_multiply_add

    ctypedef struct fm_step:
        int rule
        int first
        int last
        int add
        int prepares
        double l2
        double l1
        double scale
        double clip_value
        double decay
        double constants[8]
        fm_next_rows *next

    ctypedef struct fm_rows:
        void *at
        long stride
        long rows
        long width

    ctypedef struct fm_source:
        const void *x
        Py_ssize_t row_bytes
        const int64_t *order

    ctypedef struct fm_matrix:
        const void *at
        long depth
        long panel_rows
        int biased

    ctypedef void (*fm_gather_fn)(const fm_source *, const fm_rows *) noexcept nogil
    ctypedef void (*fm_link_fn)(const fm_rows *) noexcept nogil
    ctypedef void (*fm_activate_fn)(long, void *, void *, void *, const void *, double) noexcept nogil
    ctypedef void (*fm_derivative_fn)(long, const void *, void *, void *, double) noexcept nogil

    ctypedef struct fm_native:
        double (*value)(double) noexcept nogil
        double (*slope)(double) noexcept nogil
        long width

    ctypedef struct fm_samples:
        const void *targets
        const int64_t *order
        const double *weights

    ctypedef struct fm_loss_settings:
        const double *options
        const double *output_weights

    ctypedef void (*fm_loss_fn)(const fm_rows *, const fm_samples *, double *, const fm_loss_settings *) noexcept nogil

    ctypedef struct fm_after:
        fm_activate_fn activate
        fm_derivative_fn derivative
        const void *at
        void *slopes
        void *parameter_slopes
        const void *parameters
        Py_ssize_t parameters_step
        double parameter

    ctypedef struct fm_columns:
        long columns
        long numbers
        const int32_t *offsets

    ctypedef struct fm_encoded:
        const int64_t *order
        const void *codes
        const void *fractions
        int wide_codes
        int wide_fractions

    ctypedef struct fm_lookups:
        const fm_columns *columns
        int32_t *inputs
        void *shares
        long stride
        long rows

    ctypedef struct fm_strips:
        const fm_layer *layer
        long panel
        long panel_end
        long first
        long last
        const fm_step *step
        const fm_step *bias_step
        double *squares

    ctypedef struct fm_shallow:
        const fm_layer *hidden
        const fm_layer *output
        long rows
        long stride
        const void *x
        void *h
        void *z

    ctypedef struct fm_bfloat16_operands:
        int terms
        const void *left
        const void *right
        void *scratch

    ctypedef struct fm_bfloat16_batch:
        const void *columns
        const void *right
        long blocks

    ctypedef struct fm_norm:
        void *normalized
        void *bias_deltas
        const void *means
        void *scales
        const void *gains
        const void *biases
        long biases_step
        double epsilon

    ctypedef struct fm_moments:
        long width
        long rows
        long block_rows
        const double *block_weights
        const void *moments
        long step

    ctypedef struct fm_running:
        void *moments
        double share
        double freedom

    ctypedef struct fm_boosting:
        int classes
        long outputs
        long stride
        const void *scores
        const void *targets
        const void *weights
        void *moments
        long lanes

    ctypedef struct fm_tree_rows:
        long rows
        const int32_t *order
        const uint8_t *codes
        long width
        const void *moments
        long lanes

    ctypedef struct fm_tree_columns:
        long columns
        const int32_t *numbers
        const int32_t *offsets
        long searched
        const int32_t *to_search

    ctypedef struct fm_tree_limits:
        long outputs
        long lanes
        double l2
        double min_rows
        double min_gain
        void *scratch

    ctypedef struct fm_tree_split:
        double gain
        int32_t column
        int32_t threshold

    ctypedef struct fm_tree:
        long leaves
        const int32_t *places
        const uint8_t *thresholds
        const uint8_t *parents
        const uint8_t *alike

    ctypedef struct fm_kernels:
        int vector_bytes
        int has_bfloat16
        void (*scatter)(const fm_rows *, void *, Py_ssize_t) noexcept nogil
        int (*holds)(const fm_rows *, const void *, Py_ssize_t) noexcept nogil
        int (*finite)(long, const void *) noexcept nogil
        void (*pack_transposed)(const void *, long, long, void *) noexcept nogil
        void (*dense)(const fm_rows *, const fm_matrix *, const fm_rows *, const fm_after *) noexcept nogil
        void (*dense_turned)(const fm_rows *, const fm_layer *, void *) noexcept nogil
        void (*shallow_forward)(const fm_shallow *) noexcept nogil
        void (*shallow_update)(const fm_shallow *, const fm_step *, double *, double *) noexcept nogil
        void (*sparse)(const fm_csr *, const fm_matrix *, const fm_rows *, const fm_after *) noexcept nogil
        void (*update_dense)(const fm_strips *, const fm_rows *, const fm_rows *) noexcept nogil
        void (*update_sparse)(const fm_strips *, const fm_csr *, int64_t *, const fm_rows *) noexcept nogil
        void (*look_up)(const fm_encoded *, const fm_lookups *) noexcept nogil
        void (*sum_bins)(const fm_layer *, const fm_columns *, long, void *) noexcept nogil
        void (*columns)(const fm_lookups *, const fm_matrix *, const void *, const fm_rows *,
                        const fm_after *) noexcept nogil
        void (*update_columns)(const fm_strips *, const fm_lookups *, int32_t *, const fm_rows *) noexcept nogil
        void (*embed)(const fm_lookups *, const fm_matrix *, const void *, const void *, const fm_rows *,
                      const fm_after *) noexcept nogil
        void (*update_embeddings)(const fm_strips *, const fm_lookups *, void *, const fm_rows *) noexcept nogil
        void (*update_sums)(const fm_strips *, const void *const *, long) noexcept nogil
        void (*round_left)(int, const fm_rows *, void *) noexcept nogil
        void (*round_columns)(int, const fm_rows *, void *, long) noexcept nogil
        void (*round_right)(int, const fm_rows *, void *, long) noexcept nogil
        void (*round_strips)(const fm_layer *, long, long, long) noexcept nogil
        void (*bfloat16_dense)(const fm_bfloat16_operands *, const fm_matrix *, const fm_rows *,
                               const fm_after *) noexcept nogil
        void (*bfloat16_update)(const fm_strips *, const fm_bfloat16_batch *, const fm_rows *) noexcept nogil
        void (*prepare_sums)(const fm_strips *, double *) noexcept nogil
        void (*limit_norms)(const fm_layer *, long, long, long, const fm_step *) noexcept nogil
        void (*drop)(const fm_rows *, void *, const fm_mask *) noexcept nogil
        void (*add_noise)(const fm_rows *, const fm_mask *) noexcept nogil
        void (*bernoulli)(const fm_rows *, void *, const fm_mask *) noexcept nogil
        void (*add)(const fm_rows *, const void *, void *) noexcept nogil
        void (*standardize)(const fm_rows *, const void *, const void *) noexcept nogil
        void (*layer_norm)(const fm_rows *, const fm_norm *) noexcept nogil
        void (*layer_norm_back)(const fm_rows *, const fm_norm *) noexcept nogil
        void (*column_moments)(const fm_rows *, const double *, double, void *) noexcept nogil
        void (*join_moments)(const fm_moments *, const fm_running *, double, void *, void *) noexcept nogil
        void (*batch_norm)(const fm_rows *, const fm_norm *) noexcept nogil
        void (*column_sums)(const fm_rows *, const void *, void *) noexcept nogil
        void (*join_sums)(long, long, const void *, long, void *) noexcept nogil
        void (*batch_norm_back)(const fm_rows *, const fm_norm *, const void *, double, const double *) noexcept nogil
        long (*multiply_add)(long) noexcept nogil
        void (*tree_gradients)(const fm_boosting *) noexcept nogil
        void (*tree_sums)(const fm_tree_rows *, const fm_tree_columns *, void *) noexcept nogil
        void (*tree_split)(const fm_tree_columns *, const void *, const void *, const fm_tree_limits *, void *,
                           fm_tree_split *) noexcept nogil
        void (*tree_level)(const fm_tree_columns *, long, const void *const *, const void *, const fm_tree_limits *,
                           fm_tree_split *) noexcept nogil
        void (*tree_rest)(long, void *, const void *) noexcept nogil
        long (*tree_part)(long, int32_t *, const uint8_t *, int, int32_t *) noexcept nogil
        void (*tree_leaves)(long, const uint8_t *, int, int, int, uint8_t *) noexcept nogil
        void (*tree_sides)(long, const uint8_t *, int, int, uint8_t *) noexcept nogil
        void (*tree_numbers)(long, const fm_tree *, const uint8_t *, uint8_t *) noexcept nogil
        void (*tree_values)(long, const uint8_t *, long, const void *, void *) noexcept nogil
        void (*smallest)(const fm_rows *, int32_t *, int32_t *) noexcept nogil
        void (*squared_distances)(const fm_rows *, const fm_rows *, const fm_rows *) noexcept nogil
        void (*distances_between)(const fm_rows *, const fm_rows *, const int32_t *, double *) noexcept nogil
        void (*add_to)(const fm_rows *, const int32_t *, const double *, double *) noexcept nogil
        void (*pull)(const fm_rows *, const void *, const fm_rows *) noexcept nogil
        const fm_gather_fn *gather
        const fm_activate_fn *activate
        const fm_derivative_fn *derivative
        const fm_loss_fn *loss
        const fm_link_fn *link

    int fm_isa_count()
    const char *fm_isa_name(int isa)
    int fm_isa_supported(int isa)
    int fm_isa_vector_bytes(int isa)
    int fm_isa_has_bfloat16(int isa)
    const fm_kernels *fm_isa_kernels(int isa, int bits)

    const char *fm_source_codes()
    const char *fm_activation_name(int i)
    int fm_activation_parameters(int i)
    int fm_activation_learnable(int i)
    int fm_activation_sloped(int i)
    const char *fm_loss_name(int i)
    int fm_loss_takes_classes(int i)
    const char *fm_loss_link(int i)
    const char *fm_rule_name(int i)
    int fm_rule_slots(int i)
    void fm_rule_prepare(int i, const double *hyper, double t, double *constants)

    unsigned fm_denormals_flush()
    void fm_denormals_restore(unsigned mode)
    double fm_seconds()
    double fm_cpu_seconds()

    ctypedef struct fm_barrier:
        int arrived
        int round
        int sleepers

    void fm_barrier_wait(fm_barrier *barrier, int n_threads)

    ctypedef int (*fm_help_fn)(void *, void *, void *, int, double) noexcept nogil

    ctypedef struct fm_call:
        fm_help_fn function
        void *network
        void *rows
        void *work
        double called
        int first

    void fm_call_helpers(fm_call *call, int n)
    void fm_dismiss_helpers(fm_call *call)
    long fm_take(long *taken, long n)

ctypedef fused real:
    float
    double


cdef extern from "bfloat16.h" nogil:
    const int FM_BLOCK
    const int FM_BLOCK_BYTES
    const int FM_TERMS
    const char *fm_bfloat16_name()
    int fm_bfloat16_choose(const char *name)
    int fm_bfloat16_terms()


cdef inline int bits_of(real *_) noexcept nogil:
    return 32 if real is float else 64
