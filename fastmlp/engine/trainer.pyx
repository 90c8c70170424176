"""Networks that learn: the fused training step.

A step has two phases with a barrier after each, whatever the depth of the network:

rows
    Each thread takes a slice of the minibatch through all layers, the loss, and back through all layers.
tiles
    Each thread takes a share of the weight tiles: gradient in registers, update rule, weight, transposed copy.

Nothing is summed in an order that depends on the number of threads, so the results do not depend on it either.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport parallel, threadid
from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastmlp.engine.memory cimport are_within, ceil_divide, sum_in_order
from fastmlp.engine.native cimport (
    FM_BLOCK, FM_BLOCK_BYTES, FM_MAX_HYPER, FM_NARROW, FM_PANEL_BYTES, FM_SHALLOW, FM_TERMS, FM_UNIT, fm_after, fm_barrier, fm_barrier_wait, fm_bfloat16_terms, fm_cpu_seconds, fm_csr, fm_denormals_flush, fm_denormals_restore, fm_layer, fm_loss_settings, fm_mask, fm_next_rows, fm_rule_prepare, fm_rule_slots, fm_seconds, fm_step,
)
from fastmlp.engine.objective cimport check_targets, settle_loss
from fastmlp.engine.packed cimport (
    BATCH_NORM, CACHED_ROWS, LAYER_NORM, NATIVE_FUNCTION, NOT_NORMALIZED, PYTHON_FUNCTION, PackedNetwork, hidden_layer,
    hidden_rows,
)
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.tables cimport index_of
from fastmlp.engine.teams cimport Judgement, team_size

from fastmlp.engine.tables import ACTIVATIONS, RULES, splits

cnp.import_array()

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    static int fm_team_size(void) { return omp_get_num_threads(); }
    #else
    static int fm_team_size(void) { return 1; }
    #endif
    """
    int fm_team_size() nogil

# A run of the training loop comes back to Python after this long, so that Ctrl-C is seen.
cdef double RUN_SECONDS = 0.05
# A team whose threads get less than so much of the CPU time they could use, because other processes keep the CPUs busy, is
# slower than one thread.
cdef double LEAST_CPU_SHARE = 0.75
# A chunk of a batch holds at most this many rows, and this many floating-point operations per byte of vector width.
cdef long CHUNK_ROWS = 1024
cdef double CHUNK_FLOPS_PER_VECTOR_BYTE = 1.25e8
# Row blocks of a batch whose gradients are summed apart, see Trainer._choose_blocks: the most there are, and the work in
# each that is worth a thread.
cdef long MAX_BLOCKS = 4
cdef double FLOPS_PER_BLOCK = 1.5e6
# As CACHED_ROWS, for bfloat16 products, which are so fast that reading the weights counts.
cdef long CACHED_ROWS_BFLOAT16 = 256
# A thread splits the weights itself, as it reads them, for at least so many rows of its own; for fewer they are split once,
# when they are updated, and read by all threads, at half as many bytes again.
cdef long ROWS_PER_SPLIT = 64
# Rows whose moments are taken together in batch normalisation; they divide a block of bfloat16 products.
cdef long MOMENT_ROWS = 8
# A batch whose weights leave less than this share of the variance is as good as one row, which has none.
cdef double LEAST_FREEDOM = 1e-6
# X of at least so many bytes is asked for ahead.
cdef Py_ssize_t MEMORY_BYTES = 1 << 22

# What a tile phase does.
cdef enum:
    UPDATE, PREPARE, APPLY


# The part of a batch that goes through a step's phases together. Positions are those in all orders, one after another.
cdef struct chunk_place:
    long start, end
    long batch_start, batch_end
    double weight          # sum of the batch's sample weights
    int64_t step_number    # of the update that the batch makes, counted from 1


# The last batch that is complete, or as far as it is, until its loss has been added to its pass's.
cdef struct finished_batch:
    bint pending
    double loss
    double weight
    long rows
    long pass_


cdef class Trainer(PackedNetwork):
    """A packed network with what training needs: activations, deltas, slots of the update rule, transposed weights.

    Parameters
    ----------
    rule : str
        Update rule, from RULES. "gradient" leaves the weights alone and puts the gradient into slot 0.
    max_batch : int
        Rows of the largest batch that will be run.
    n_threads : int
        Threads of the team. The results do not depend on it.
    bfloat16 : bool, default=False
        Whether the operands of all products, but for those with CSR input, are rounded to bfloat16. Sums, weights and
        all else stay float32, which dtype must be.
    split : bool, default=None
        Whether the operands of all products, but for those with CSR input, are split into three bfloat16 terms, of whose
        products six are summed: as close as float32 products are, on AMX faster. None: where splits() says so and isa is
        None. With bfloat16 it has no effect.
    loss_options : float or sequence of float, default=()
        The number that the loss has, for all outputs or for each; () for its default.
    output_weights : sequence of float, default=None
        What each output's loss counts, for losses with a matrix of targets.
    python_loss : callable, default=None
        Takes the place of loss, whose targets and link it has: (targets, outputs, weights or None) -> (mean loss of the
        batch, its gradient with respect to the outputs).
    regularization : object, default=None
        What training does beside the loss's gradient and its L2 term: an object with the attributes of
        fastmlp.network.Regularization; None is nothing.
    seed : int, default=0
        Of dropout and noise.
    """

    cdef int rule
    cdef fm_loss_settings loss_settings
    cdef tuple _loss_arrays
    cdef readonly int terms
    cdef long grain
    cdef char **columns
    cdef char **right
    cdef char **left
    cdef char **scratch
    cdef bint keeps_rounded
    cdef Py_ssize_t left_bytes
    cdef long row_blocks
    cdef readonly int n_threads
    cdef double flops_per_row
    cdef long max_batch
    cdef long chunk
    cdef long batches_per_pass
    cdef long stride
    cdef char **activations
    cdef char **deltas
    cdef double **squares
    cdef double *row_losses
    cdef fm_next_rows *next_rows
    cdef int64_t *cursors
    cdef long n_blocks
    cdef long block_rows
    cdef void **block_sums
    cdef long *unit_cost
    cdef long total_cost
    # what attach() and begin() set
    cdef Rows rows
    cdef object _keep
    cdef const void *targets
    cdef const double *weights
    cdef const int64_t *order
    cdef long n_rows
    cdef long n_passes
    cdef long batch_size
    cdef double l2
    cdef const double *hyper
    cdef long hyper_step
    cdef object _hyper
    cdef double tiny
    cdef const double *weight_sums
    cdef const int64_t *step_numbers
    cdef object _batch_arrays
    # where the run stands
    cdef long position
    cdef bint stop
    cdef double deadline
    cdef Judgement judgement
    cdef readonly long step_count
    cdef fm_barrier *barrier
    cdef finished_batch *finished
    cdef object _loss_sums
    cdef double *loss_sums
    # A step's phases: n_row_phases of the rows, between which batch normalisation joins what it knows of the rows; the
    # tiles; and what needs whole gradients or weights.
    cdef int n_row_phases
    cdef int n_phases
    cdef long n_stops
    cdef long *stops
    # For each layer's rows: what it reads, and what of its outputs the way back needs.
    cdef char **inputs
    cdef char **slopes
    cdef char **shapes
    cdef char **normalized
    cdef char **row_scales
    cdef char **moments
    cdef char **joined
    cdef char **part_deltas
    cdef char *totals
    cdef Py_ssize_t totals_bytes
    # For moments of weighted rows: the weights of the chunk's rows, scaled so that they add up to the number of rows,
    # and of blocks of rows.
    cdef bint weighs_moments
    cdef double *row_weights
    cdef double *block_weights
    cdef object python_loss
    cdef bint calls_loss
    cdef readonly bint shallow  # whether both layers go through the kernels made for such
    # regularisation
    cdef uint64_t seed
    cdef double *dropout
    cdef double noise
    cdef double l1
    cdef double clip_value
    cdef double clip_norm
    cdef double max_norm
    cdef double average_decay
    cdef double running_share
    cdef double **norms

    def __init__(self, sizes, hidden, loss, dtype, *, rule, max_batch, n_threads=1, bfloat16=False, split=None, loss_options=(),
                 output_weights=None, python_loss=None, regularization=None, seed=0, isa=None):
        super().__init__(sizes, hidden, loss, dtype, isa=isa)
        self._loss_arrays = settle_loss(
            self.loss, loss_options, output_weights, self.n_outputs, &self.loss_settings)
        n_threads, self.max_batch = team_size(n_threads), max_batch
        cdef long i, j
        cdef double rows
        if (bfloat16 or split) and self.dtype != np.float32:
            raise ValueError(f"bfloat16 products go with float32, not {self.dtype}")
        self.rule = index_of(RULES, rule, "rule")
        self.tiny = np.finfo(self.dtype).tiny
        self.n_threads = n_threads
        self.judgement = Judgement()
        self.seed = seed
        self.python_loss, self.calls_loss = python_loss, python_loss is not None
        self.dropout = <double *> self._zeros(self.n_layers * sizeof(double))
        self.running_share = 0.1
        if regularization is not None:
            self._set_regularization(regularization)
        if self.runs_python or self.calls_loss:
            # Threads would wait for each other, and share out the rows in other ways.
            self.n_threads = n_threads = 1
        self.stops = <long *> self._zeros(self.n_layers * sizeof(long))
        for i in range(self.n_layers - 1):
            if self.hidden[i].normalization == BATCH_NORM:
                self.stops[self.n_stops] = i
                self.n_stops += 1
        self.n_row_phases = 1 + 2 * self.n_stops + self.calls_loss
        self.n_phases = self.n_row_phases + 1 + (2 if self.clip_norm else 0) + (1 if self.max_norm else 0)
        self.flops_per_row = 6.0 * self.n_params
        rows = CHUNK_FLOPS_PER_VECTOR_BYTE * self.vector_bytes / self.flops_per_row
        self.chunk = max(1, min(max_batch, min(CHUNK_ROWS, <long> max(32.0, rows))))
        if self.n_row_phases > 1:
            self.chunk = max(1, max_batch)  # what is joined is the batch's
        if split is None:
            split = (self.dtype == np.float32 and isa is None and splits(sizes, self.chunk)
                     and fm_bfloat16_terms() == FM_TERMS)
        self.terms = 1 if bfloat16 else FM_TERMS if split else 0
        # The units of the update that stay together: a block of inputs is rounded as a whole.
        self.grain = FM_BLOCK // FM_UNIT if self.terms else 1
        if self.n_row_phases == 1 and self.terms and self.chunk > FM_BLOCK:
            self.chunk -= self.chunk % FM_BLOCK
        # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
        self.stride = self.chunk | 1
        self._turn_outputs()
        self.activations = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
        self.deltas = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
        self.squares = <double **> self._zeros(self.n_parts * sizeof(double *))
        self.norms = <double **> self._zeros(self.n_parts * sizeof(double *))
        self.row_losses = <double *> self._zeros(self.chunk * sizeof(double))
        # In cache lines of their own, since all threads read the trainer's while these are written.
        self.barrier = <fm_barrier *> self._zeros(max(64, sizeof(fm_barrier)))
        self.finished = <finished_batch *> self._zeros(max(64, sizeof(finished_batch)))
        self.next_rows = <fm_next_rows *> self._zeros(n_threads * sizeof(fm_next_rows))
        self.unit_cost = <long *> self._zeros(self.n_parts * sizeof(long))
        self._choose_blocks(max_batch)
        if self.n_blocks:
            self.block_rows = ceil_divide(max_batch, self.n_blocks)
            self.block_sums = <void **> self._zeros(self.n_parts * self.n_blocks * sizeof(void *))
        self.total_cost = 0
        if self.terms:
            self.row_blocks = ceil_divide(self.chunk, FM_BLOCK)
            self.columns = <char **> self._zeros(self.n_layers * sizeof(char *))
            self.right = <char **> self._zeros((self.n_layers + 1) * sizeof(char *))
            self.left = <char **> self._zeros(n_threads * sizeof(char *))
            self.scratch = <char **> self._zeros(n_threads * sizeof(char *))
            self.keeps_rounded = self.terms == 1 or self.chunk < ROWS_PER_SPLIT * n_threads
            self._allocate_left(max(sizes[1:]))
        self.inputs = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.part_deltas = <char **> self._zeros(self.n_parts * sizeof(char *))
        for i in range(self.n_layers):
            self.activations[i + 1] = self.deltas[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if i < self.n_layers - 1:
                self.deltas[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
                self.inputs[i + 1] = self.activations[i + 1]
            self.part_deltas[i] = self.deltas[i + 1]
            if self.terms:
                self._allocate_rounded(i)
            if i > 0 and not self.keeps_rounded and not self.layers[i].turned:
                self.layers[i].transposed = self._zeros(
                    self._panels(self.layers[i].inputs) * self.layers[i].outputs * FM_PANEL_BYTES)
        self._allocate_hidden()
        for i in range(self.n_parts):
            self.squares[i] = <double *> self._zeros(
                self._panels(self.layers[i].outputs) * self._units(i) * sizeof(double))
            if max_batch > self.chunk or self.clip_norm:
                self.layers[i].sums = self._zeros(self._packed_bytes(i))
            if self.clip_norm:
                self.norms[i] = <double *> self._zeros(
                    self._panels(self.layers[i].outputs) * (self._units(i) + 1) * sizeof(double))
            for j in range(fm_rule_slots(self.rule)):
                self.layers[i].slots[j] = self._zeros(self._packed_bytes(i))
            for j in range(self.n_blocks):
                self.block_sums[i * self.n_blocks + j] = self._zeros(self._packed_bytes(i))
            if self.average_decay:
                self.layers[i].average = self._zeros(self._packed_bytes(i))
            # Vectors a unit's tile is wide.
            self.unit_cost[i] = ceil_divide(min(self.panel, self.layers[i].outputs) * self.itemsize, self.vector_bytes)
            self.total_cost += self._panels(self.layers[i].outputs) * self._grains(i) * self.unit_cost[i]

    cdef int _turn_outputs(self) except -1:
        """Lays the last layer's weights out turned, where it has few outputs and there are kernels for that.

        Neither the transposed copy is needed then nor the padding, which would be nearly all there is of it.
        """
        cdef long last = self.n_layers - 1
        if self.kernels.dense_turned == NULL or self.terms or last == 0 or self.layers[last].outputs > FM_NARROW:
            return 0
        self.layers[last].turned = True
        self.layers[last].weights = self._zeros(self._packed_bytes(last))
        return 0

    def _set_regularization(self, regularization):
        cdef long i
        if len(regularization.dropout) not in (0, self.n_layers):
            raise ValueError(f"expected {self.n_layers} rates of dropout, got {regularization.dropout!r}")
        for i, rate in enumerate(regularization.dropout):
            if not 0 <= rate < 1:
                raise ValueError(f"a rate of dropout must be at least 0 and below 1, got {rate!r}")
            self.dropout[i] = rate
        self.noise = regularization.input_noise
        self.l1 = regularization.l1
        self.clip_value = regularization.clip_value
        self.clip_norm = regularization.clip_norm
        self.max_norm = regularization.max_norm
        self.average_decay = regularization.average_decay
        for i in range(self.n_layers - 1):
            self.layers[i].limit = self.max_norm

    cdef int _allocate_hidden(self) except -1:
        """What the hidden layers keep from the way forward for the way back."""
        cdef hidden_layer *layer
        cdef long i, j, panels, widest = 1
        self.slopes = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.shapes = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.normalized = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.row_scales = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.moments = <char **> self._zeros(self.n_layers * sizeof(char *))
        self.joined = <char **> self._zeros(self.n_layers * sizeof(char *))
        for i in range(self.n_layers - 1):
            layer, panels = &self.hidden[i], self._panels(self.layers[i].outputs)
            if self.dropout[i + 1]:
                self.inputs[i + 1] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if layer.sloped:
                self.slopes[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
            if layer.numbers >= 0:
                self.shapes[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
                self.part_deltas[layer.numbers] = self.shapes[i]
            if layer.normalization != NOT_NORMALIZED:
                self.normalized[i] = self._zeros(self._block_bytes(self.layers[i].outputs))
                self.part_deltas[layer.gains] = self.normalized[i]
                self.layers[i].bias_deltas = self._zeros(self._block_bytes(self.layers[i].outputs))
            if layer.normalization == LAYER_NORM:
                self.row_scales[i] = self._zeros(self.chunk * self.itemsize)
            if layer.normalization == BATCH_NORM:
                widest = max(widest, panels)
                # Moments, and then sums: while some threads still read those, others write these.
                self.moments[i] = self._zeros(2 * ceil_divide(self.chunk, MOMENT_ROWS) * 2 * panels * FM_PANEL_BYTES)
                self.joined[i] = self._zeros(self.n_threads * 2 * panels * FM_PANEL_BYTES)
        if self.n_stops:
            self.totals_bytes = 2 * widest * FM_PANEL_BYTES
            self.totals = self._zeros(self.n_threads * self.totals_bytes)
        return 0

    cdef int _allocate_left(self, long width) except -1:
        """Rows on their way into a product, for each thread."""
        cdef Py_ssize_t n_bytes = self._panels(width) * CACHED_ROWS_BFLOAT16 // FM_BLOCK * self.terms * FM_BLOCK_BYTES
        cdef long j
        if n_bytes > self.left_bytes:
            self.left_bytes = n_bytes
            for j in range(self.n_threads):
                self.left[j] = self._zeros(n_bytes)
                self.scratch[j] = self._zeros(self._panels(width) * self.terms * FM_BLOCK_BYTES)
        return 0

    cdef int _allocate_rounded(self, long i) except -1:
        """Layer i's weights, activations and deltas as operands of bfloat16 products."""
        cdef long inputs = self._panels(self.layers[i].inputs), outputs = self._panels(self.layers[i].outputs)
        cdef Py_ssize_t n_bytes = self.terms * FM_BLOCK_BYTES
        self.layers[i].terms = self.terms
        if self.keeps_rounded:
            self.layers[i].rounded = self._zeros(inputs * outputs * n_bytes)
        self.right[i + 1] = self._zeros(outputs * self.row_blocks * n_bytes)
        if i > 0:
            if self.keeps_rounded:
                self.layers[i].rounded_transposed = self._zeros(inputs * outputs * n_bytes)
            self.columns[i] = self._zeros(inputs * self.row_blocks * n_bytes)
        return 0

    cdef void _choose_blocks(self, long max_batch) noexcept:
        """Into how many row blocks, if any, the gradient is split.

        Each block's gradient is summed by the thread that has the block's activations in its cache; the tile phase then
        adds up a few finished sums instead of reading every thread's activations and deltas. That pays where these are
        larger than the sums. It changes the order of the additions, so it depends on the network and the batch, never
        on the threads. Sums are added in pairs of blocks, then the pairs in their order; a thread that has both of a pair
        adds them as it makes them.
        """
        cdef Py_ssize_t sums = 0, values = 0
        cdef long i, n = min(MAX_BLOCKS, <long> (max_batch * self.flops_per_row / FLOPS_PER_BLOCK))
        for i in range(self.n_parts):
            sums += self._packed_bytes(i)
            values += (self._panels(self.layers[i].inputs) + self._panels(self.layers[i].outputs)) * FM_PANEL_BYTES
        if (self.terms or self.n_row_phases > 1 or n < 2 or max_batch > self.chunk
                or 2 * n * sums > values * max_batch):
            n = 0
        self.n_blocks = n

    cdef long _units(self, long i) noexcept nogil:
        # A vector of parameters is updated as the biases of a layer without inputs.
        return max(1, ceil_divide(self.layers[i].inputs, self.panel if self.layers[i].turned else FM_UNIT))

    cdef long _grains(self, long i) noexcept nogil:
        return ceil_divide(self._units(i), self.grain)

    cdef Py_ssize_t _block_bytes(self, long width) noexcept nogil:
        return self._panels(width) * self.stride * FM_PANEL_BYTES

    def load(self, params, slots=(), average=None):
        """Takes the parameters, the rule's state and the average of the parameters from flat vectors."""
        cdef long i, j
        self._check_state(slots, average)
        super().load(params)
        for i in range(self.n_layers):
            if self.keeps_rounded:
                self._round(i)
            elif i > 0 and not self.layers[i].turned:
                self.kernels.pack_transposed(self.layers[i].weights, self.layers[i].inputs, self.layers[i].outputs,
                                             self.layers[i].transposed)
        for j, slot in enumerate(slots):
            self._load_all(slot, [<size_t> self.layers[i].slots[j] for i in range(self.n_parts)])
        if average is not None:
            self._load_all(average, [<size_t> self.layers[i].average for i in range(self.n_parts)])

    def store(self, params, slots=(), average=None):
        """Writes the parameters (unless None), the rule's state and the average of the parameters to flat vectors."""
        cdef long i, j
        self._check_state(slots, average)
        if params is not None:
            super().store(params)
        for j, slot in enumerate(slots):
            self._store_all(slot, [<size_t> self.layers[i].slots[j] for i in range(self.n_parts)])
        if average is not None:
            self._store_all(average, [<size_t> self.layers[i].average for i in range(self.n_parts)])

    cdef int _check_state(self, slots, average) except -1:
        if len(slots) > fm_rule_slots(self.rule):
            raise ValueError(f"the rule {RULES[self.rule]} has {fm_rule_slots(self.rule)} arrays of state, got {len(slots)}")
        if average is not None and not self.average_decay:
            raise ValueError("there is no average of the parameters without average_decay")
        return 0

    cdef void _round(self, long i) noexcept:
        cdef long panel
        for panel in range(self._panels(self.layers[i].outputs)):
            self.kernels.round_units(&self.layers[i], panel, 0, self._units(i))

    cdef int _load_all(self, vector, list places) except -1:
        cdef const char *flat = self._flat(vector)
        cdef long i
        for i, place in enumerate(places):
            self._pack(i, flat, <char *> <size_t> place)
            flat += self._flat_bytes(i)
        return 0

    cdef int _store_all(self, vector, list places) except -1:
        cdef char *flat = self._flat_to_write(vector)
        cdef long i
        for i, place in enumerate(places):
            self._unpack(i, <char *> <size_t> place, flat)
            flat += self._flat_bytes(i)
        return 0

    def attach(self, Rows rows not None, targets, weights=None):
        """Names the data: X, targets, and sample weights or None.

        Targets are int32 class numbers of shape (n,) for the losses in CLASS_TARGET_LOSSES, else an array of the compute
        type of shape (n, n_outputs). Weights are float64 of shape (n,).
        """
        self._check(rows)
        check_targets(self.loss, self.dtype, targets, weights, rows.n_rows, self.n_outputs)
        if rows.is_sparse and self.noise:
            raise ValueError("noise on the inputs would leave no zeros of a CSR matrix")
        # Training on CSR rows does not keep the first layer's rounded weights in step.
        if self.keeps_rounded and not rows.is_sparse and self.rows is not None and self.rows.is_sparse:
            self._round(0)
        self.rows = rows
        self._keep = (targets, weights)
        self.shallow = self._is_shallow()
        self.targets = cnp.PyArray_DATA(targets)
        self.weights = NULL if weights is None else <const double *> cnp.PyArray_DATA(weights)
        self.weighs_moments = weights is not None and self.n_stops
        if self.weighs_moments and self.row_weights == NULL:
            self.row_weights = <double *> self._zeros(self.chunk * sizeof(double))
            self.block_weights = <double *> self._zeros(ceil_divide(self.chunk, MOMENT_ROWS) * sizeof(double))
        if rows.is_sparse:
            if self.cursors == NULL:
                self.cursors = <int64_t *> self._zeros(self.n_threads * self.chunk * sizeof(int64_t))
        elif self.activations[0] == NULL:
            self.activations[0] = self.inputs[0] = self._zeros(self._block_bytes(self.layers[0].inputs))
            if self.terms:
                self.columns[0] = self._zeros(self._panels(self.layers[0].inputs) * self.row_blocks * self.terms
                                              * FM_BLOCK_BYTES)
                self._allocate_left(self.layers[0].inputs)

    cdef bint _is_shallow(self):
        """Whether shallow_forward() and shallow_update() take the network.

        One thread must do it all: others would meanwhile change the weights that the hidden deltas are made with.
        """
        return (self.n_threads == 1 and self.n_layers == 2 and self.layers[1].turned and not self.rows.is_sparse
                and self.layers[0].inputs <= FM_SHALLOW and self.layers[0].outputs > FM_NARROW
                and self._activates_at_once(0) and self.hidden[0].function == ACTIVATIONS.index("relu")
                and not self.dropout[1] and not self.n_blocks and self.n_row_phases == 1)

    def begin(self, const int64_t[:, ::1] orders, long batch_size, double l2, hyper, long step_count):
        """Starts passes, one for each of the orders, over the rows it names, in minibatches; run() until it returns True.

        hyper holds the rule's hyperparameters in the order updates.def gives, one row for all updates, or one for each of
        them; it is copied. step_count: the updates made before. A minibatch whose weights are all zero is passed over.
        """
        if self.rows is None:
            raise ValueError("attach() comes before begin()")
        if not 1 <= batch_size <= self.max_batch:
            raise ValueError(f"batch_size must be from 1 to max_batch={self.max_batch}, got {batch_size}")
        if orders.shape[0] and orders.shape[1] and not are_within(
                &orders[0, 0], orders.shape[0] * orders.shape[1], self.rows.n_rows):
            raise ValueError(f"orders must hold numbers of rows, from 0 to {self.rows.n_rows - 1}")
        self.n_passes, self.n_rows = orders.shape[0], orders.shape[1]
        self.order = &orders[0, 0] if self.n_passes * self.n_rows else NULL
        self.batch_size = batch_size
        self.batches_per_pass = ceil_divide(self.n_rows, batch_size)
        self.l2 = l2
        self.step_count = step_count
        self.position = 0
        self._loss_sums = np.zeros(self.n_passes)
        self.loss_sums = <double *> cnp.PyArray_DATA(self._loss_sums)
        self.finished.pending = False
        orders_array = np.asarray(orders)
        if self.weights == NULL:
            self._batch_arrays = (orders_array,)
            self.weight_sums = NULL
        else:
            sums = np.add.reduceat(self._keep[1][orders_array], np.arange(0, self.n_rows, batch_size), axis=1).ravel()
            numbers = step_count + np.cumsum(sums != 0)
            self._batch_arrays = (orders_array, sums, numbers)
            self.weight_sums = <const double *> cnp.PyArray_DATA(sums)
            self.step_numbers = <const int64_t *> cnp.PyArray_DATA(numbers)
        self._take_hyper(np.atleast_2d(hyper))

    cdef int _take_hyper(self, rows) except -1:
        cdef long r, i, n = rows.shape[0], width = rows.shape[1], n_updates
        cdef double[:, ::1] taken
        if width > FM_MAX_HYPER:
            raise ValueError(f"a rule has at most {FM_MAX_HYPER} hyperparameters, got {width}")
        n_updates = self.n_passes * self.batches_per_pass
        if self.weight_sums != NULL:
            n_updates = np.count_nonzero(self._batch_arrays[1])
        if n != 1 and n < n_updates:
            raise ValueError(f"expected one row of hyperparameters, or {n_updates}, one per update; got {n}")
        self._hyper = np.zeros((n, FM_MAX_HYPER))
        self._hyper[:, :width] = rows
        taken = self._hyper
        for r in range(n):
            for i in range(width):
                # A denormal number would count as zero in the engine.
                if 0 < taken[r, i] < self.tiny:
                    taken[r, i] = self.tiny
        self.hyper = &taken[0, 0]
        self.hyper_step = FM_MAX_HYPER if n > 1 else 0
        return 0

    def run(self):
        """Goes on with the passes for a short while; True when they are complete."""
        if self.position >= self.n_passes * self.n_rows:
            return True
        cdef double start = fm_seconds(), cpu_seconds, end
        self.stop = self.failed = False
        self.deadline = start + RUN_SECONDS
        if self.n_threads == 1 or self.judgement.alone(start):
            with nogil:
                self._steps_alone()
        else:
            with nogil:
                cpu_seconds = -fm_cpu_seconds()
                self._steps_as_team()
                cpu_seconds += fm_cpu_seconds()
                end = fm_seconds()
            self.judgement.note(end - start, cpu_seconds - LEAST_CPU_SHARE * self.n_threads * (end - start), end)
        self._fold()
        self._raise_error()
        return self.position >= self.n_passes * self.n_rows

    def use_running(self):
        """Has forward passes normalise by the running moments as they are now."""
        cdef long i
        for i in range(self.n_stops):
            self._use_running(self.stops[i])

    def losses(self):
        """The mean loss of each pass that is complete: of its batches' losses, weighted by their lengths."""
        return (self._loss_sums[: self.position // self.n_rows] / self.n_rows).tolist() if self.n_rows else []

    cdef void _steps_alone(self) noexcept nogil:
        # Without OpenMP: a process forked from one that had a team must not enter it.
        cdef unsigned mode = fm_denormals_flush()
        cdef chunk_place chunk
        cdef long start = self.position
        cdef int slice_, phase
        while not self.stop:
            self._place_chunk(start, &chunk)
            for phase in range(self.n_phases):
                for slice_ in range(self.n_threads):
                    self._phase(phase, slice_, &chunk)
                if self.calls_loss and phase == self.n_stops:
                    self._call_loss(&chunk)
            start = chunk.end
        fm_denormals_restore(mode)

    cdef void _steps_as_team(self) noexcept nogil:
        cdef unsigned mode = 0
        cdef long start = 0
        cdef int thread = 0, team = 0, phase = 0
        with parallel(num_threads=self.n_threads):
            # No prange in here: GCC's OpenMP would put a barrier of its own before each.
            thread, team = threadid(), fm_team_size()
            mode = fm_denormals_flush()
            start = self.position
            while True:
                for phase in range(self.n_phases):
                    self._phase_of_thread(phase, thread, team, start)
                    fm_barrier_wait(self.barrier, team)
                start = self._end_of_chunk(start)
                if self.stop:
                    break
            fm_denormals_restore(mode)

    cdef long _end_of_chunk(self, long start) noexcept nogil:
        cdef chunk_place chunk
        self._place_chunk(start, &chunk)
        return chunk.end

    cdef void _place_chunk(self, long start, chunk_place *chunk) noexcept nogil:
        """Finds the chunk that begins at start."""
        cdef long pass_ = start // self.n_rows, row = start - pass_ * self.n_rows, in_pass = row // self.batch_size
        cdef long batch = pass_ * self.batches_per_pass + in_pass
        chunk.start = start
        chunk.batch_start = pass_ * self.n_rows + in_pass * self.batch_size
        chunk.batch_end = min((pass_ + 1) * self.n_rows, chunk.batch_start + self.batch_size)
        chunk.end = min(chunk.batch_end, start + self.chunk)
        if self.weight_sums != NULL:
            chunk.weight, chunk.step_number = self.weight_sums[batch], self.step_numbers[batch]
        else:
            chunk.weight, chunk.step_number = chunk.batch_end - chunk.batch_start, self.step_count + batch + 1

    cdef void _phase_of_thread(self, int phase, int thread, int team, long start) noexcept nogil:
        """One thread's slices of a phase: more than one where the team is smaller than asked for."""
        # Each thread has a chunk_place of its own: what is assigned to in a parallel block must not be shared.
        cdef chunk_place chunk
        cdef int slice_ = thread
        self._place_chunk(start, &chunk)
        while slice_ < self.n_threads:
            self._phase(phase, slice_, &chunk)
            slice_ += team

    cdef void _phase(self, int phase, int slice_, const chunk_place *chunk) noexcept nogil:
        cdef int after = phase - self.n_row_phases
        if phase == 0 and slice_ == 0:
            self._fold()
        if chunk.weight != 0 and not self.failed:
            if after < 0:
                self._row_phase(phase, slice_, chunk)
            elif after == 0:
                self._tile_phase(UPDATE, slice_, chunk)
            elif chunk.end == chunk.batch_end:
                if self.clip_norm and after <= 2:
                    self._tile_phase(PREPARE if after == 1 else APPLY, slice_, chunk)
                else:
                    self._limit_phase(slice_, chunk)
        if slice_ == 0 and after == 0:
            self._count(chunk)

    cdef void _row_phase(self, int phase, int slice_, const chunk_place *chunk) noexcept nogil:
        cdef long cached = CACHED_ROWS_BFLOAT16 if self.terms else CACHED_ROWS
        cdef long m = chunk.end - chunk.start, block, low, high, end
        if phase == 0:
            self._plan_next_rows(slice_, chunk)
        if not self.n_blocks:
            if phase > 0 and self.n_stops:
                self._join(phase, slice_, chunk)
            low, high = self._first_row(slice_, m), self._first_row(slice_ + 1, m)
            if phase == 0 and self.weighs_moments:
                self._weigh_rows(chunk, low, high)
            while low < high:
                end = min(high, low + cached)
                self._forward_and_back(phase, slice_, chunk, low, end)
                low = end
            return
        for block in range(self.n_blocks * slice_ // self.n_threads, self.n_blocks * (slice_ + 1) // self.n_threads):
            low, high = min(m, block * self.block_rows), min(m, (block + 1) * self.block_rows)
            if low < high:
                self._forward_and_back(phase, slice_, chunk, low, high)
                self._sum_block(slice_, chunk, block, low, high)

    cdef long _first_row(self, int slice_, long m) noexcept nogil:
        """Of m rows of a chunk, the first that is a slice's; it has those up to the next slice's."""
        # Whole blocks of rows with bfloat16: two threads must not write the two halves of a pair; and with batch
        # normalisation, so that each block's moments are one thread's.
        cdef long together = FM_BLOCK if self.terms else MOMENT_ROWS if self.n_stops else 1
        if self.n_blocks:
            return min(m, self.n_blocks * slice_ // self.n_threads * self.block_rows)
        return min(m, ceil_divide(m, together) * slice_ // self.n_threads * together)

    cdef void _plan_next_rows(self, int slice_, const chunk_place *chunk) noexcept nogil:
        """Which rows a slice asks the caches for during its update: those that it gathers for the next chunk."""
        cdef fm_next_rows *next_ = &self.next_rows[slice_]
        cdef chunk_place coming
        cdef long low, lines
        next_.rows = 0
        if (self.terms or self.rows.is_sparse or chunk.end == self.n_passes * self.n_rows
                or self.rows.n_rows * self.rows.width_bytes < MEMORY_BYTES):
            return
        self._place_chunk(chunk.end, &coming)
        low = self._first_row(slice_, coming.end - coming.start)
        next_.x, next_.row_bytes, next_.width_bytes = self.rows.base, self.rows.row_bytes, self.rows.width_bytes
        next_.order = self.order + coming.start + low
        next_.rows = self._first_row(slice_ + 1, coming.end - coming.start) - low
        next_.done_bytes, next_.lines_due = 0, 0
        # The update has a multiply-add for each parameter and row; a little less, so that it ends with no row unasked for.
        lines = next_.rows * (ceil_divide(self.rows.width_bytes, 64) + 1)
        next_.lines_per_multiply_add = lines * self.n_threads / (0.95 * self.n_params * (chunk.end - chunk.start))

    cdef int _backward_phase(self, int phase) noexcept nogil:
        """How many phases on the way back came before; negative for a phase on the way forward alone."""
        return phase - self.n_stops - self.calls_loss

    cdef void _weigh_rows(self, const chunk_place *chunk, long low, long high) noexcept nogil:
        """The weights of rows low to high, whole blocks of MOMENT_ROWS (the batch's last apart), and of these blocks."""
        cdef double factor = (chunk.end - chunk.start) / chunk.weight
        cdef long r
        for r in range(low, high):
            self.row_weights[r] = factor * self.weights[self.order[chunk.start + r]]
            if self.row_weights[r] < self.tiny:
                self.row_weights[r] = 0  # as in the element type
            if r % MOMENT_ROWS == 0:
                self.block_weights[r // MOMENT_ROWS] = 0
            self.block_weights[r // MOMENT_ROWS] += self.row_weights[r]

    cdef double _freedom(self, const chunk_place *chunk) noexcept nogil:
        """What the sum of squared deviations is divided by for the running variance; 0 where there is as good as one row.

        As PyTorch does: one less than there are rows, since their mean is not known but estimated. Weights that are whole
        numbers count as so many rows, of which one is lost. Small weights might leave nothing then, or less; of them the
        mean takes what it takes of the variance in expectation: (sum of squares) / (squared sum), whatever their scale.
        """
        cdef long m = chunk.end - chunk.start, r
        cdef double squares = 0, freedom
        if not self.weighs_moments:
            return m - 1
        for r in range(m):
            squares += self.row_weights[r] * self.row_weights[r]
        freedom = m - min(m / chunk.weight, squares / m)
        return freedom if freedom > LEAST_FREEDOM * m else 0

    cdef const double *_weights_from(self, long low) noexcept nogil:
        return self.row_weights + low if self.weighs_moments else NULL

    cdef void _join(self, int phase, int slice_, const chunk_place *chunk) noexcept nogil:
        """What batch normalisation knows of each block of rows, put together by every thread for itself."""
        cdef int back = self._backward_phase(phase)
        cdef long i, panels, step, width, m = chunk.end - chunk.start
        cdef double freedom = 0
        if phase <= self.n_stops:
            i = self.stops[phase - 1]
            width, panels = self.layers[i].outputs, self._panels(self.layers[i].outputs)
            step = 2 * panels * self.panel
            if slice_ == 0:
                freedom = self._freedom(chunk)
            self.kernels.join_moments(
                width, m, MOMENT_ROWS, self.block_weights if self.weighs_moments else NULL, self.moments[i], step,
                self.epsilon, self.running_share, freedom,
                self.hidden[i].running if freedom > 0 else NULL, self._means(i, slice_), self._scales(i, slice_))
        elif back > 0:
            i = self.stops[self.n_stops - back]
            width, panels = self.layers[i].outputs, self._panels(self.layers[i].outputs)
            self.kernels.join_sums(width, ceil_divide(m, MOMENT_ROWS), self._sums_of(i, 0), 2 * panels * self.panel,
                                   self.totals + slice_ * self.totals_bytes)

    cdef char *_moments_of(self, long i, long row) noexcept nogil:
        """Of layer i's block of rows that begins at row."""
        return self.moments[i] + row // MOMENT_ROWS * 2 * self._panels(self.layers[i].outputs) * FM_PANEL_BYTES

    cdef char *_sums_of(self, long i, long row) noexcept nogil:
        """On the way back, of layer i's block of rows that begins at row."""
        return self._moments_of(i, ceil_divide(self.chunk, MOMENT_ROWS) * MOMENT_ROWS + row)

    cdef char *_means(self, long i, int slice_) noexcept nogil:
        return self.joined[i] + slice_ * 2 * self._panels(self.layers[i].outputs) * FM_PANEL_BYTES

    cdef char *_scales(self, long i, int slice_) noexcept nogil:
        return self._means(i, slice_) + self._panels(self.layers[i].outputs) * FM_PANEL_BYTES

    cdef void _forward_and_back(self, int phase, int slice_, const chunk_place *chunk, long low, long high) noexcept nogil:
        """Rows low to high of the chunk: activations, losses and deltas of the phase's layers."""
        cdef int back = self._backward_phase(phase)
        if phase <= self.n_stops:
            self._forward_rows(phase, slice_, chunk, low, high)
        if phase == self.n_stops and back == 0:
            self._losses(chunk, low, high - low)
        if back >= 0:
            self._back_rows(back, slice_, chunk, low, high)

    cdef void _forward_rows(self, int phase, int slice_, const chunk_place *chunk, long low, long high) noexcept nogil:
        """Up to the product of the next layer with batch normalisation, or the last one."""
        cdef long n = high - low, stride = self.stride, i = 0, block, r
        cdef long last = self.stops[phase] if phase < self.n_stops else self.n_layers - 1
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        if self.shallow:
            last = 0  # whose product goes on to the outputs
        if phase > 0:
            i = self.stops[phase - 1]
            self._train_hidden(i, slice_, chunk, low, n)
            i += 1
        while True:
            self._multiply_rows(i, slice_, chunk, low, n)
            if i == last:
                break
            self._train_hidden(i, slice_, chunk, low, n)
            i += 1
        if phase < self.n_stops:
            for block in range(ceil_divide(n, MOMENT_ROWS)):
                r = block * MOMENT_ROWS
                self.kernels.column_moments(
                    min(MOMENT_ROWS, n - r), self.layers[i].outputs,
                    self.activations[i + 1] + offset + r * FM_PANEL_BYTES, stride, self._weights_from(low + r),
                    self.block_weights[(low + r) // MOMENT_ROWS] if self.weighs_moments else 0,
                    self._moments_of(i, low + r))

    cdef fm_mask _mask(self, long i, const chunk_place *chunk, long low, double rate, double scale) noexcept nogil:
        """Of rows from low on, as layer i reads them."""
        cdef fm_mask mask
        # With other factors than that of the row, so that rows of different steps and layers have different numbers.
        mask.key = self.seed + <uint64_t> chunk.step_number * <uint64_t> 0xd1342543de82ef95
        mask.key += <uint64_t> (i + 1) * <uint64_t> 0xda942042e4dd58b5
        mask.row = chunk.start - chunk.batch_start + low
        mask.threshold = <uint32_t> (rate * 4294967296.0)
        mask.scale = scale
        return mask

    cdef fm_mask _dropout_mask(self, long i, const chunk_place *chunk, long low) noexcept nogil:
        return self._mask(i, chunk, low, self.dropout[i], 1 / (1 - self.dropout[i]))

    cdef void _multiply_rows(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Layer i's product of n rows, from low on, with the activation where it follows at once."""
        cdef long stride = self.stride
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef char *out = self.activations[i + 1] + offset
        cdef const fm_layer *layer = &self.layers[i]
        cdef fm_after after
        cdef fm_mask mask
        cdef fm_csr csr
        cdef hidden_rows rows
        self._after_layer(i, &after)
        if self._activates_at_once(i):
            rows = self._hidden_rows(i, slice_, low)
            after.slopes, after.shapes = rows.slopes, rows.shapes
        if i == 0 and self.rows.is_sparse:
            csr = self._csr_of(self.rows, self.order, chunk.start + low)
            if self.dropout[0]:
                mask = self._dropout_mask(0, chunk, low)
                csr.mask = &mask
            self._enter_sparse(&csr, n, out, stride, &after)
            return
        if i == 0:
            self._gather(self.rows, self.order, chunk.start + low, n, self.inputs[0] + offset, stride)
            if self.noise:
                mask = self._mask(-1, chunk, low, 0, self.noise)
                self.kernels.add_noise(n, layer.inputs, self.inputs[0] + offset, stride, &mask)
            if self.dropout[0]:
                mask = self._dropout_mask(0, chunk, low)
                self.kernels.drop(n, layer.inputs, self.inputs[0] + offset, self.inputs[0] + offset, stride, &mask)
        if self.shallow:
            self.kernels.shallow_forward(n, layer, layer + 1, self.inputs[0] + offset, stride, out,
                                         self.activations[2] + offset)
            return
        if not self.terms:
            self._multiply(i, n, self.inputs[i] + offset, out, stride, &after)
            return
        self.kernels.round_left(self.terms, n, layer.inputs, self.inputs[i] + offset, stride, self.left[slice_])
        self.kernels.round_columns(self.terms, n, layer.inputs, self.inputs[i] + offset, stride,
                                   self.columns[i] + low // FM_BLOCK * self.terms * FM_BLOCK_BYTES, self.row_blocks)
        self.kernels.bfloat16_dense(self.terms, n, layer.outputs, layer.inputs, self.left[slice_], layer.rounded,
                                    self.scratch[slice_], layer.weights, layer.inputs + 1, self._is_biased(i), out, stride,
                                    &after)

    cdef hidden_rows _hidden_rows(self, long i, int slice_, long low) noexcept nogil:
        """Hidden layer i's rows from low on."""
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef hidden_rows rows
        memset(&rows, 0, sizeof(rows))
        if self.hidden[i].normalization == BATCH_NORM:
            rows.means, rows.scales = self._means(i, slice_), self._scales(i, slice_)
        if self.normalized[i] != NULL:
            rows.normalized = self.normalized[i] + offset
        if self.row_scales[i] != NULL:
            rows.row_scales = self.row_scales[i] + low * self.itemsize
        if self.slopes[i] != NULL:
            rows.slopes = self.slopes[i] + offset
        if self.shapes[i] != NULL:
            rows.shapes = self.shapes[i] + offset
        return rows

    cdef void _train_hidden(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """What else hidden layer i does on the way forward: what waited for all of a row or a column, and dropout."""
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef char *z = self.activations[i + 1] + offset
        cdef hidden_rows rows
        cdef fm_mask mask
        if not self._activates_at_once(i):
            rows = self._hidden_rows(i, slice_, low)
            self._finish_hidden(i, n, z, self.stride, &rows)
        if self.dropout[i + 1]:
            mask = self._dropout_mask(i + 1, chunk, low)
            self.kernels.drop(n, self.layers[i].outputs, z, self.inputs[i + 1] + offset, self.stride, &mask)

    cdef void _losses(self, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Losses, and the output layer's deltas, which take the place of its activations."""
        self.kernels.loss[self.loss](
            n, self.n_outputs, self.deltas[self.n_layers] + low * FM_PANEL_BYTES, self.stride, self.targets,
            self.order + chunk.start + low, self.weights, self.row_losses + low, &self.loss_settings)
        if self.weights != NULL:
            self._pass_over_weightless(chunk, low, n)

    cdef void _pass_over_weightless(self, const chunk_place *chunk, long low, long n) noexcept nogil:
        """Rows of weight 0 have no loss and no deltas, whatever they hold: 0 times what overflowed is not 0."""
        cdef long r, panel
        for r in range(low, low + n):
            if self.weights[self.order[chunk.start + r]] == 0:
                self.row_losses[r] = 0
                for panel in range(self._panels(self.n_outputs)):
                    memset(self.deltas[self.n_layers] + (panel * self.stride + r) * FM_PANEL_BYTES, 0, FM_PANEL_BYTES)

    cdef void _back_rows(self, int back, int slice_, const chunk_place *chunk, long low, long high) noexcept nogil:
        """Down to the next layer with batch normalisation, whose sums are made, or to the first layer."""
        cdef long n = high - low, stride = self.stride, i = self.n_layers - 1, block, r, width
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef hidden_layer *below
        if back > 0:
            i = self.stops[self.n_stops - back]
            self.kernels.batch_norm_back(
                n, self.layers[i].outputs, self.deltas[i + 1] + offset, stride, self.normalized[i] + offset,
                <char *> self.layers[i].bias_deltas + offset, self._scales(i, slice_),
                self.layers[self.hidden[i].gains].weights, self.totals + slice_ * self.totals_bytes,
                1.0 / (chunk.end - chunk.start), self._weights_from(low))
        while True:
            if self.terms and not (i == 0 and self.rows.is_sparse):
                self.kernels.round_right(self.terms, n, self.layers[i].outputs, self.deltas[i + 1] + offset, stride,
                                         self.right[i + 1] + low // FM_BLOCK * self.terms * FM_BLOCK_BYTES, self.row_blocks)
            if i == 0 or self.shallow:
                return
            self._multiply_back(i, slice_, chunk, low, n)
            i -= 1
            below, width = &self.hidden[i], self.layers[i].outputs
            if below.normalization == LAYER_NORM:
                self.kernels.layer_norm_back(
                    n, width, self.deltas[i + 1] + offset, stride, self.normalized[i] + offset,
                    <char *> self.layers[i].bias_deltas + offset, self.row_scales[i] + low * self.itemsize,
                    self.layers[below.gains].weights)
            elif below.normalization == BATCH_NORM:
                for block in range(ceil_divide(n, MOMENT_ROWS)):
                    r = block * MOMENT_ROWS
                    self.kernels.column_sums(
                        min(MOMENT_ROWS, n - r), width, self.deltas[i + 1] + offset + r * FM_PANEL_BYTES, stride,
                        self.normalized[i] + offset + r * FM_PANEL_BYTES, self._sums_of(i, low + r))
                return

    cdef void _multiply_back(self, long i, int slice_, const chunk_place *chunk, long low, long n) noexcept nogil:
        """From layer i's deltas those of the hidden layer below it, before that one's activation."""
        cdef long stride = self.stride, below = i - 1
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef const fm_layer *layer = &self.layers[i]
        cdef fm_after after
        cdef fm_mask mask
        memset(&after, 0, sizeof(after))
        after.derivative = self.kernels.derivative[min(self.hidden[below].function, NATIVE_FUNCTION)]
        after.at = (self.slopes[below] if self.slopes[below] != NULL else self.activations[i]) + offset
        after.shapes = self.shapes[below] + offset if self.shapes[below] != NULL else NULL
        after.number = self.hidden[below].number
        if self.terms:
            self.kernels.round_left(self.terms, n, layer.outputs, self.deltas[i + 1] + offset, stride, self.left[slice_])
            self.kernels.bfloat16_dense(self.terms, n, layer.inputs, layer.outputs, self.left[slice_],
                                        layer.rounded_transposed, self.scratch[slice_], layer.transposed, layer.outputs, 0,
                                        self.deltas[i] + offset, stride, &after)
        else:
            self.kernels.dense(n, layer.inputs, layer.outputs, self.deltas[i + 1] + offset, stride,
                               layer.weights if layer.turned else layer.transposed, layer.outputs, 0,
                               self.deltas[i] + offset, stride, &after)
        if self.dropout[i]:
            mask = self._dropout_mask(i, chunk, low)
            self.kernels.drop(n, layer.inputs, self.deltas[i] + offset, self.deltas[i] + offset, stride, &mask)
            if self.shapes[below] != NULL:
                self.kernels.drop(n, layer.inputs, self.shapes[below] + offset, self.shapes[below] + offset, stride, &mask)

    cdef void _call_loss(self, const chunk_place *chunk) noexcept nogil:
        """A loss in Python, of the whole batch."""
        if chunk.weight == 0 or self.failed:
            return
        with gil:
            try:
                self._call_loss_with_gil(chunk)
            except BaseException as error:
                self._fail(error)

    cdef int _call_loss_with_gil(self, const chunk_place *chunk) except -1:
        cdef long n = chunk.end - chunk.start, width = self.n_outputs
        cdef double batch_weight = chunk.weight
        cdef char *at = self.deltas[self.n_layers]
        cdef long r
        targets, weights = self._keep
        rows = self._batch_arrays[0].ravel()[chunk.start:chunk.start + n]
        outputs = np.empty((n, width), dtype=self.dtype)
        self.kernels.scatter(at, self.stride, n, width, cnp.PyArray_DATA(outputs), width * self.itemsize)
        loss, gradient = self.python_loss(targets[rows], outputs, None if weights is None else weights[rows])
        deltas = np.ascontiguousarray(gradient * batch_weight, dtype=self.dtype)
        if deltas.shape != (n, width):
            raise ValueError(f"the loss must return a gradient of shape {(n, width)}, got {deltas.shape}")
        self.kernels.gather[self.source](cnp.PyArray_DATA(deltas), width * self.itemsize, NULL, n, width, at, self.stride)
        for r in range(n):
            self.row_losses[r] = 0
        self.row_losses[0] = loss * batch_weight
        return 0

    cdef bint _joined(self, long block) noexcept nogil:
        """Whether a block's sums go on top of those before: the second of a pair, in the same slice as the first."""
        cdef long slice_ = ((block + 1) * self.n_threads - 1) // self.n_blocks
        return block % 2 and block > self.n_blocks * slice_ // self.n_threads

    cdef void _sum_block(self, int slice_, const chunk_place *chunk, long block, long low, long high) noexcept nogil:
        """The gradient sums of rows low to high, for all layers."""
        cdef fm_layer layer
        cdef fm_step step
        cdef long i, panel
        memset(&step, 0, sizeof(step))
        step.first = True
        step.add = self._joined(block)
        step.next = &self.next_rows[slice_]
        for i in range(self.n_parts):
            layer = self.layers[i]
            layer.sums = self.block_sums[i * self.n_blocks + block - step.add]
            for panel in range(self._panels(layer.outputs)):
                self._update(&layer, i, panel, panel + 1, 0, self._units(i), slice_, chunk, low, high, &step)

    cdef void _update(self, const fm_layer *layer, long i, long panel, long panel_end, long first, long last, int slice_,
                      const chunk_place *chunk, long low, long high, const fm_step *step) noexcept nogil:
        """Units first to last of layer i's output panels: gradient over rows low to high of the chunk, and the step.

        More than one panel only where _takes_panels().
        """
        cdef Py_ssize_t offset = low * FM_PANEL_BYTES
        cdef double *squares = self.squares[i] + panel * self._units(i)
        cdef fm_layer moved
        cdef fm_csr csr
        cdef fm_mask mask
        if layer.bias_deltas != NULL and low > 0:
            moved = layer[0]
            moved.bias_deltas = <char *> layer.bias_deltas + offset
            layer = &moved
        if i == 0 and self.rows.is_sparse:
            csr = self._csr_of(self.rows, self.order, chunk.start + low)
            if self.dropout[0]:
                mask = self._dropout_mask(0, chunk, low)
                csr.mask = &mask
            self.kernels.update_sparse(layer, panel, first, last, high - low, &csr, self.cursors + slice_ * self.chunk,
                                       self.deltas[i + 1] + offset, self.stride, step, squares)
        elif self._takes_panels(i):
            self.kernels.bfloat16_update(
                layer, panel, panel_end, first, last, high - low, self.columns[i], self.right[i + 1], self.row_blocks,
                self.deltas[i + 1], self.stride, step, self.squares[i], self._units(i))
        else:
            self.kernels.update_dense(layer, panel, first, last, high - low,
                                      self.inputs[i] + offset if i < self.n_layers else NULL, self.stride,
                                      self.part_deltas[i] + offset, self.stride, step, squares)

    cdef bint _takes_panels(self, long i) noexcept nogil:
        """Whether the update of layer i has bfloat16 operands, of as many output panels as there are."""
        return self.terms and i < self.n_layers and not (i == 0 and self.rows.is_sparse)

    cdef void _prepare_step(self, int slice_, const chunk_place *chunk, fm_step *step) noexcept nogil:
        cdef int k
        cdef int64_t number = chunk.step_number
        step.rule = self.rule
        step.first = chunk.start == chunk.batch_start
        step.last = chunk.end == chunk.batch_end
        step.l2 = self.l2
        step.l1 = self.l1
        step.clip_value = self.clip_value
        step.prepares = self.l1 != 0 or self.clip_value != 0
        step.decay = self.average_decay if number > 1 else 0  # the average begins with the first update's weights
        step.scale = 1 / chunk.weight
        step.add = False
        step.next = &self.next_rows[slice_]
        memset(step.constants, 0, sizeof(step.constants))
        fm_rule_prepare(self.rule, self.hyper + (number - self.step_count - 1) * self.hyper_step, <double> number,
                        step.constants)
        for k in range(FM_MAX_HYPER):
            # What prepare multiplied may have become denormal.
            if 0 < step.constants[k] < self.tiny:
                step.constants[k] = self.tiny

    cdef void _tile_phase(self, int what, int slice_, const chunk_place *chunk) noexcept nogil:
        """A slice's share of all tiles: updated; or, where the gradient is clipped by its norm, prepared, and then applied."""
        cdef long rows = chunk.end - chunk.start
        cdef long low = self.total_cost * slice_ // self.n_threads
        cdef long high = self.total_cost * (slice_ + 1) // self.n_threads
        cdef long i, base = 0, units, all_grains, at, stop, panel, panel_end, first, last, cost, block
        cdef const void *sums[4]  # MAX_BLOCKS
        cdef bint missing
        cdef fm_step step
        self._prepare_step(slice_, chunk, &step)
        if what == UPDATE and self.clip_norm:
            step.last = False
        if what == APPLY:
            step.prepares, step.l2, step.scale = False, 0, self._share_of_norm()
        if what == UPDATE and self.shallow:
            self.kernels.shallow_update(&self.layers[0], &self.layers[1], rows, self.inputs[0], self.activations[1],
                                        self.deltas[2], self.stride, &step, self.squares[0], self.squares[1])
            return
        for i in range(self.n_parts):
            units, cost = self._units(i), self.unit_cost[i]
            all_grains = self._grains(i) * self._panels(self.layers[i].outputs)
            for block in range(self.n_blocks):
                missing = block * self.block_rows >= rows or self._joined(block)
                sums[block] = NULL if missing else self.block_sums[i * self.n_blocks + block]
            if what == APPLY:
                sums[0] = self.layers[i].sums
            # A grain is this slice's when it begins within [low, high) of the summed costs.
            at = min(all_grains, ceil_divide(max(0, low - base), cost))
            stop = min(all_grains, ceil_divide(max(0, high - base), cost))
            base += all_grains * cost
            panel = 0
            while panel < self._panels(self.layers[i].outputs):
                first, last = self._first_grain(i, panel, at), self._first_grain(i, panel, stop)
                panel_end = panel + 1
                if what == UPDATE and self._takes_panels(i):
                    while (panel_end < self._panels(self.layers[i].outputs) and first == self._first_grain(i, panel_end, at)
                           and last == self._first_grain(i, panel_end, stop)):
                        panel_end += 1
                if first < last:
                    self._tiles(what, i, panel, panel_end, first * self.grain, min(units, last * self.grain), slice_, chunk,
                                sums, &step)
                panel = panel_end

    cdef long _first_grain(self, long i, long panel, long number) noexcept nogil:
        """Of a panel's grains, the first whose number among all of layer i's is not below number.

        They are numbered along the longer side of the layer, so that slices need little of what other threads have made:
        where there are more inputs than outputs, all panels' first grains come first.
        """
        cdef long grains = self._grains(i), panels = self._panels(self.layers[i].outputs)
        if self.layers[i].inputs > self.layers[i].outputs:
            return ceil_divide(max(0, number - panel), panels)
        return max(0, min(grains, number - panel * grains))

    cdef void _tiles(self, int what, long i, long panel, long panel_end, long first, long last, int slice_,
                     const chunk_place *chunk, const void *const *sums, const fm_step *step) noexcept nogil:
        """What a phase does to units first to last of layer i's output panels; more than one only where _takes_panels()."""
        cdef long units = self._units(i)
        cdef double *squares = self.squares[i] + panel * units
        if what == PREPARE:
            self.kernels.prepare_sums(&self.layers[i], panel, first, last, step, squares,
                                      self.norms[i] + panel * (units + 1))
        elif what == APPLY:
            self.kernels.update_sums(&self.layers[i], panel, first, last, sums, 1, step, NULL)
            if self.keeps_rounded and i < self.n_layers and not self.layers[i].limit:
                self.kernels.round_units(&self.layers[i], panel, first, last)
        elif self.n_blocks:
            self.kernels.update_sums(&self.layers[i], panel, first, last, sums, self.n_blocks, step, squares)
        else:
            self._update(&self.layers[i], i, panel, panel_end, first, last, slice_, chunk, 0, chunk.end - chunk.start, step)

    cdef double _share_of_norm(self) noexcept nogil:
        """What clipping by the norm leaves of the gradient."""
        cdef long i, k
        cdef double square = 0
        for i in range(self.n_parts):
            for k in range((self._units(i) + 1) * self._panels(self.layers[i].outputs)):
                square += self.norms[i][k]
        square = sqrt(square)
        return self.clip_norm / square if square > self.clip_norm else 1  # NaN goes through

    cdef void _limit_phase(self, int slice_, const chunk_place *chunk) noexcept nogil:
        """Hidden layers' weights made short enough, whole panels at a time."""
        cdef long i, panel, number = 0
        cdef fm_step step
        self._prepare_step(slice_, chunk, &step)
        for i in range(self.n_layers - 1):
            for panel in range(self._panels(self.layers[i].outputs)):
                if number % self.n_threads == slice_:
                    self.kernels.limit_norms(&self.layers[i], panel, &step)
                    if self.keeps_rounded:
                        self.kernels.round_units(&self.layers[i], panel, 0, self._units(i))
                number += 1

    cdef void _count(self, const chunk_place *chunk) noexcept nogil:
        """Ends a chunk: its losses, and where the run stands."""
        cdef long end = chunk.end
        if self.failed:
            self.position = chunk.start
            self.stop = True
            return
        if chunk.weight != 0:
            if chunk.start == chunk.batch_start:
                self.finished.loss = 0
            self.finished.loss += sum_in_order(self.row_losses, end - chunk.start)
            if end == chunk.batch_end:
                self.finished.pending = True
                self.finished.weight = chunk.weight
                self.finished.rows = end - chunk.batch_start
                self.finished.pass_ = chunk.start // self.n_rows
        if end == self.n_passes * self.n_rows or fm_seconds() > self.deadline:
            self.position = end
            self.stop = True

    cdef void _fold(self) noexcept nogil:
        """Adds a finished batch's loss, with the penalty of the weights it began with, to its pass's."""
        cdef long i
        cdef double penalty = 0
        if not self.finished.pending:
            return
        self.finished.pending = False
        if self.l2 != 0 or self.l1 != 0:
            for i in range(self.n_layers):
                penalty += sum_in_order(self.squares[i], self._units(i) * self._panels(self.layers[i].outputs))
        # Where the gradient is prepared, the penalty is made then.
        if not (self.l1 != 0 or self.clip_value != 0 or self.clip_norm != 0):
            penalty *= 0.5 * self.l2
        self.loss_sums[self.finished.pass_] += (self.finished.loss + penalty) / self.finished.weight * self.finished.rows

    def updates_done(self):
        """Updates made by the end of the passes so far: step_count for the next ones."""
        if self.position == 0:
            return self.step_count
        cdef chunk_place last
        self._place_chunk(self.position - 1, &last)
        # A run may end in the middle of a batch.
        return last.step_number - (last.batch_end > self.position and last.weight != 0)
