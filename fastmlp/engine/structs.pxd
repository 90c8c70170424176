"""The data of a network and of its training, in C: what is constant, what is read, what changes, and scratch memory.

Shapes are in comments. All matrices with a row for each sample are in panels: FM_PANEL_BYTES of each row, row after
row, then the next panel of columns; (rows, width) stands for panels of so many rows, of which the last may be padded.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport (
    fm_after, fm_barrier, fm_columns, fm_csr, fm_kernels, fm_layer, fm_loss_settings, fm_native, fm_next_rows,
    fm_strips,
)
from fastmlp.engine.rows cimport row_source

cdef enum:
    # Rows that go through all layers together: the activations of a wide layer stay in the second-level cache.
    CACHED_ROWS = 128
    # Rows whose moments are taken together in batch normalisation; they divide a block of bfloat16 products.
    MOMENT_ROWS = 8
    # The largest number of row blocks of a batch whose gradients are summed apart.
    MAX_BLOCKS = 4

cdef enum:
    NOT_NORMALIZED, LAYER_NORM, BATCH_NORM

cdef enum:
    NO_PENALTY, L1_PENALTY, KL_PENALTY

# ---------------------------------------------------------------------------------------------------------------------
# A network
# ---------------------------------------------------------------------------------------------------------------------

cdef struct packed_layer
cdef struct layer_kind
cdef struct training
cdef struct trained_layer
cdef struct trained_part

# Runs the activation of a layer, by its number, in Python; slopes is NULL where none are wanted.
ctypedef void (*python_activation)(void *owner, long number, long n, char *z, char *slopes, long stride) noexcept nogil


# What a forward pass needs of a network as a whole.
cdef struct packed_network:
    const fm_kernels *kernels
    long itemsize
    long panel               # elements of a row in a panel
    int element              # the element type, in the order of SOURCE_CODES
    double epsilon           # what normalisations add to variances
    int loss                 # in the order of LOSSES; it decides the link
    long n_layers
    long n_parts
    long n_params
    long multiply_adds       # of a row on its way through all layers
    long n_outputs
    packed_layer *layers     # (n_layers,)
    fm_layer *parts          # (n_parts,): the parts of the parameter vector, matrices first
    bint input_is_scaled
    char *input_means        # (1, n_features)
    char *input_scales       # (1, n_features)
    bint runs_python         # whether a layer has an activation in Python
    python_activation call_python
    void *owner              # the object that call_python takes
    double block_seconds     # what CACHED_ROWS rows took one thread in a forward pass; 0 before that was measured


cdef struct layer_activation:
    int function             # in the order of ACTIVATIONS; or one of those in layers/activation.pxd
    bint is_sloped           # whether its derivative takes slopes instead of its outputs
    fm_after forward         # what kernels take to compute it; nothing for a function in Python
    fm_native *natives       # (panels,): the functions of an activation in C, for each panel
    fm_layer *learned        # the part with a learned parameter for each unit, or NULL


cdef struct layer_normalization:
    int method               # NOT_NORMALIZED, LAYER_NORM or BATCH_NORM
    fm_layer *gains          # the part with a gain for each unit
    char *running            # (2, n_outputs): the running mean and variance of batch normalisation
    char *means              # (1, n_outputs): the running mean, as a forward pass takes it
    char *scales             # (1, n_outputs): 1 / standard deviation, from the running variance


# A layer as forward passes know it.
cdef struct packed_layer:
    const layer_kind *kind
    long number              # from 0 on
    long n_inputs
    long n_outputs
    fm_layer *weights        # the part with its weights
    fm_layer *biases         # the part with its biases: that of the weights, but in layers of embeddings
    bint is_last             # its activation is the link, which goes with the loss
    bint is_biased           # whether the product takes the biases; a normalisation adds them later
    bint activates_at_once   # whether the activation follows the product while its results are in registers
    fm_after at_once         # that activation, or nothing
    layer_activation activation
    layer_normalization normalization
    fm_layer *projections    # the part by which a residual layer multiplies what it adds, or NULL
    fm_columns columns       # of a layer on encoded columns: which inputs they stand for
    char *bin_sums           # of such a layer: what its forward passes look up for numbers, made of the weights
    long embedding_size      # of a layer in which each column has units of its own: their number; 0 in others


# Where rows of a hidden layer find the moments of columns, and where they leave what the way back needs. NULL: not
# needed.
cdef struct row_memory:
    char *means              # (1, n_outputs)
    char *scales             # (1, n_outputs)
    char *normalized         # (rows, n_outputs)
    char *row_scales         # (rows,)
    char *slopes             # (rows, n_outputs)
    char *parameter_slopes   # (rows, n_outputs)


# What a kind of layer is to the rest of the engine; layers/kinds.pyx has the list of kinds.
cdef struct layer_kind:
    # Appends (inputs, outputs, whether it has biases) of the matrices that the layer has among the parameters, and the
    # lengths of its vectors. The layer has its numbers of inputs and outputs by then. spec is None for the last layer.
    int (*parts)(const packed_layer *, object spec, list matrices, list vectors) except -1
    # Takes these parts, and all else that a forward pass needs of the spec.
    int (*set_up)(packed_network *, packed_layer *, object spec, fm_layer *matrices, fm_layer *vectors,
                  Memory) except -1
    # Makes what forward passes read beside the weights, once these have changed: a panel of it. NULL: they read nothing
    # else.
    void (*follow_weights)(const packed_network *, const packed_layer *, long panel) noexcept nogil
    # From at most CACHED_ROWS rows of inputs, in panels, as a CSR matrix or as look_up_inputs() leaves encoded columns,
    # the layer's outputs.
    void (*predict)(const packed_network *, const packed_layer *, long n, const char *inputs, const fm_csr *csr,
                    char *outputs, long stride) noexcept nogil
    # Makes the buffers of a training.
    int (*allocate)(training *, trained_layer *, Memory) except -1
    # Brings the copies of the weights that products read up to the weights.
    void (*copy_weights)(training *, trained_layer *) noexcept
    # Decides, once X is known, by which kernels the products are made.
    int (*choose_products)(training *, trained_layer *, Memory) except -1
    # Append the layer's row operations on the way forward and on the way back, see step.pyx.
    int (*plan_forward)(training *, trained_layer *) except -1
    int (*plan_back)(training *, trained_layer *) except -1


# ---------------------------------------------------------------------------------------------------------------------
# A training
# ---------------------------------------------------------------------------------------------------------------------

# The part of a batch that goes through a step's phases together. Positions are those in all orders, one after another.
cdef struct chunk_place:
    long start, end
    long batch_start, batch_end
    double weight            # the sum of the batch's sample weights
    int64_t step_number      # of the update that the batch makes, counted from 1


# The rows of a chunk that a slice takes through the layers together: n of them from low on, of those below high.
cdef struct row_block:
    const chunk_place *chunk
    int slice_
    long low
    long n
    long high
    Py_ssize_t offset        # of low in a panel


# Strips of output panels, more than one panel only where the part's update takes so; and the n rows of a chunk, from
# low on, of which the gradient is.
cdef struct weight_tile:
    fm_strips strips
    const chunk_place *chunk
    int slice_
    long low
    long n


ctypedef void (*row_operation)(training *, trained_layer *, const row_block *) noexcept nogil
ctypedef void (*row_product)(training *, trained_layer *, const row_block *, const fm_after *) noexcept nogil
ctypedef void (*tile_update)(training *, trained_part *, const weight_tile *) noexcept nogil
# A slice's share of a phase; the number tells phases of one function apart.
ctypedef void (*slice_phase)(training *, const chunk_place *, int slice_, int number) noexcept nogil


cdef struct planned_operation:
    row_operation function
    trained_layer *layer


# Operations from first to end on each block of a slice's rows. Before them, once, what all rows are needed for:
# opening.
cdef struct row_phase:
    planned_operation opening
    int first
    int end


# What is constant for a training.
cdef struct training_plan:
    int n_slices             # of rows and of tiles, one for each thread of a whole team
    int n_row_phases
    row_phase *row_phases
    int n_operations
    planned_operation *operations
    slice_phase update
    # Opens the way back, where that waits for all rows of a batch: it calls a loss in Python, say. NULL: the engine
    # takes the losses of each block of rows.
    row_operation open_way_back
    void *owner              # what it belongs to
    bint is_shallow          # whether two layers go through the kernels made for such networks
    long chunk               # the most rows that go through the phases of a step together
    long stride              # rows of a panel of the buffers, which have room for a chunk
    long rows_together       # of a chunk, through all layers
    long max_batch
    int rule
    fm_loss_settings loss_settings
    uint64_t seed
    double tiny              # the smallest number that is not denormal
    double noise             # standard deviation of the noise on the inputs
    double l1
    double clip_value
    double clip_norm
    double max_norm
    double average_decay
    bint has_factors         # whether parts have factors of their own
    bint is_rate[8]          # (FM_MAX_HYPER,): which hyperparameters of the rule are in proportion to the learning rate
    int decay_hyper          # which of them is the weight decay; -1 for none
    double running_share     # what a batch's moments count in the running ones
    # bfloat16 products: 0 terms for none
    int terms
    bint keeps_rounded       # whether the weights are rounded when they are updated, not when they are read
    long row_blocks          # blocks of FM_BLOCK rows in a chunk
    long rounded_width       # the widest rows that threads have room to round
    long grain               # strips that stay together in the update: a block of inputs is rounded as a whole
    # the row blocks whose gradients are summed apart; 0 for none
    long n_blocks
    long block_rows
    long total_cost          # of all tiles
    bint uses_running        # whether batch normalisation takes the running moments, as predictions do
    long n_moments           # layers of which a step takes the moments of the batch


# What attach() and begin() name.
cdef struct training_data:
    row_source X
    const void *targets      # NULL: the rows of X themselves
    const double *weights    # of the samples, or NULL
    bint weighs_moments
    const int64_t *order     # (n_passes, n_rows): numbers of rows of X
    long n_rows
    long n_passes
    long batch_size
    long batches_per_pass
    double l2
    const double *hyper      # (1 or updates, FM_MAX_HYPER)
    long hyper_step          # from one update's hyperparameters to the next's
    const double *weight_sums    # (batches,), or NULL where all samples weigh 1
    const int64_t *step_numbers  # (batches,)
    long step_count          # of the updates made before begin()


# The last batch that is complete, or as far as it is, until its loss has been added to its pass's. In cache lines of
# its own, since all threads read the training's while these numbers are written.
cdef struct finished_batch:
    bint pending
    double loss
    double weight
    long rows
    long pass_


# Where the run stands.
cdef struct training_progress:
    long position
    bint stop                # the run comes back to Python after this step
    bint failed              # a function in Python raised something
    double deadline
    finished_batch *finished
    double *loss_sums        # (n_passes,)
    fm_barrier *barrier


# What one thread needs for its rows and tiles, and leaves to nobody.
cdef struct thread_scratch:
    fm_next_rows next_rows   # the rows that it asks the caches for during the update
    char *rounded_rows       # its rows on their way into a bfloat16 product
    char *rounded_weights    # a panel of weights that it rounds itself
    int64_t *cursors         # (chunk,): where rows of a CSR matrix have been read up to
    # (chunk + the widest column's inputs,): rows of encoded columns, sorted by what they look up
    int32_t *sorted_rows
    char *totals             # (2, the widest layer with batch normalisation)
    char *embedding_sums     # (the widest column's inputs,): sums of deltas in the update of a layer of embeddings
    # Where targets are the rows of X: those of a block of rows, in panels and in NumPy's order, and their weights.
    char *target_panels      # (rows_together, n_outputs)
    char *target_rows        # (rows_together, n_outputs)
    double *target_weights   # (rows_together,)


# What all threads write, each for its rows.
cdef struct training_scratch:
    thread_scratch *threads  # (n_slices,)
    double *row_losses       # (chunk,)
    # For moments of weighted rows: the weights of the rows, scaled so that they add up to the number of rows, and of
    # blocks.
    double *row_weights      # (chunk,)
    double *block_weights    # (chunk / MOMENT_ROWS,)


# A layer in training: how its products are made, and its buffers. NULL stands for what the layer does not need. Buffers
# of (chunk, ...) have room for the rows of a chunk.
cdef struct trained_layer:
    packed_layer *packed
    trained_layer *below     # the layer whose outputs are this one's inputs; NULL for the first
    trained_part *weights
    row_product multiply     # outputs from inputs
    row_product multiply_back  # input_deltas from deltas
    double dropout           # of the inputs
    # (chunk, n_inputs): the outputs of the layer below, after dropout; or what encoded columns look up
    char *inputs
    char *input_deltas       # (chunk, n_inputs): the deltas of the layer below, made on the way back; NULL: nobody asks
    char *products           # (chunk, n_outputs): products, then activations
    char *outputs            # (chunk, n_outputs): what the layer above reads; the same buffer but in residual layers
    char *deltas             # (chunk, n_outputs): slopes of the loss by the products; in the last layer the same buffer
    char *output_deltas      # (chunk, n_outputs): where the layer above leaves what derivative makes; mostly deltas
    char *slopes             # (chunk, n_outputs): of the activation, where its outputs do not say them
    char *parameter_slopes      # (chunk, n_outputs): of the activation by its learned parameter; then its deltas
    fm_after derivative      # what turns slopes by the outputs into deltas, while they are in registers
    # residual layers
    bint adds_inputs         # whether what the way back leaves in input_deltas waits for the slopes of what was added
    fm_after own_derivative  # what turns the slopes in output_deltas into deltas; derivative leaves these as they are
    trained_part *projections
    char *projected_slopes   # (chunk, n_inputs): slopes by the inputs that the projections make
    # normalisation
    char *normalized         # (chunk, n_outputs): products without mean, of variance 1; then deltas of the gains
    char *bias_deltas        # (chunk, n_outputs): deltas before the normalisation
    char *row_scales         # (chunk,): 1 / standard deviation of each row, of layer normalisation
    char *moments            # (blocks of rows, 2, n_outputs): what batch normalisation sums on the way forward
    char *back_sums          # the same on the way back: while some threads still read those, others write these
    char *joined             # (n_slices, 2, n_outputs): means and scales of the batch
    # the penalty of activity
    int activity             # NO_PENALTY, L1_PENALTY or KL_PENALTY
    double activity_weight
    double activity_target   # the mean activity that the KL penalty asks for
    char *activity_slopes    # (chunk, n_outputs)
    char *activity_moments   # (blocks of rows, 2, n_outputs)
    char *activity_means     # (n_slices, 2, n_outputs): the means of the batch, and a place for what comes with them
    # operands of bfloat16 products
    char *rounded_inputs     # (n_inputs, chunk), for the gradient
    char *rounded_deltas     # (chunk, n_outputs), for the gradient


# What the learning rate and the weight decay of some parameters are multiplied by.
cdef struct parameter_factors:
    double rate
    double decay


# A part of the parameters in training: its gradient is inputs.T @ deltas, or the sums of deltas for a vector.
cdef struct trained_part:
    fm_layer *packed         # weights, their transposed copy, state of the update rule, gradient sums
    trained_layer *layer     # whose gradient this is; NULL for a vector
    tile_update update       # how the gradient is made
    bint takes_panels        # whether update takes more than one output panel
    char *inputs             # (chunk, inputs); NULL for a vector
    char *deltas             # (chunk, outputs)
    parameter_factors factors[2]  # of its weights and of its biases, where the plan has factors; a vector is biases
    double *squares          # (panels, strips): sums of squared weights, or of penalties
    double *norms            # (panels, strips + 1): sums of squared gradients
    void *block_sums[4]      # MAX_BLOCKS: gradient sums of row blocks, laid out as weights
    long n_panels            # of outputs
    long strips              # of a panel, FM_STRIP inputs each; the biases go with the last
    long grains              # of strips, in a panel
    long cost                # of a strip: the vectors that it is wide


cdef struct training:
    packed_network *network
    training_plan plan
    training_data data
    training_progress progress
    training_scratch scratch
    trained_layer *layers    # (n_layers,)
    trained_part *parts      # (n_parts,)
