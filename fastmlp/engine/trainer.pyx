"""Networks that learn: the plan of a training, its data, and runs of steps."""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport parallel, threadid
from libc.stdint cimport int64_t

from fastmlp.engine.layers.activity cimport set_activity
from fastmlp.engine.layers.dense cimport DENSE, takes_shallow_kernels
from fastmlp.engine.layers.products cimport CACHED_ROWS_BFLOAT16, allocate_rounded_rows, update_with_vector_operands
from fastmlp.engine.layout cimport packed_bytes, panels_of, plain_rows, rows_at
from fastmlp.engine.memory cimport are_within, ceil_divide, is_plain
from fastmlp.engine.native cimport (
    FM_BLOCK, FM_MAX_HYPER, FM_NARROW, FM_PANEL_BYTES, FM_TERMS, FM_STRIP, fm_barrier, fm_bfloat16_terms,
    fm_cpu_seconds, fm_isa_vector_bytes, fm_loss_takes_classes, fm_layer, fm_rows, fm_rule_slots, fm_seconds, fm_source,
)
from fastmlp.engine.objective cimport check_targets, check_weights, settle_loss
from fastmlp.engine.packed cimport PackedNetwork
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.step cimport fold_loss, place_chunk, plan_step, run_steps
from fastmlp.engine.structs cimport (
    BATCH_NORM, CACHED_ROWS, KL_PENALTY, MAX_BLOCKS, MOMENT_ROWS, chunk_place, finished_batch, packed_network,
    planned_operation, row_block, row_phase, thread_scratch, trained_layer, trained_part, training, training_data,
    training_plan,
)
from fastmlp.engine.plan cimport MOST_OPERATIONS, MOST_PHASES
from fastmlp.engine.tables cimport index_of, isa_index_of
from fastmlp.engine.teams cimport Judgement, fm_team_size, team_size

from fastmlp.engine.tables import DECAY_HYPER, LOSSES, RATE_HYPER, RULES, splits

cnp.import_array()

# A run of the training loop comes back to Python after this long, so that Ctrl-C is seen.
cdef double RUN_SECONDS = 0.05
# A team whose threads get less than so much of the CPU time they could use, because other processes keep the CPUs busy,
# is slower than one thread.
cdef double LEAST_CPU_SHARE = 0.75
# A chunk of a batch holds at most this many rows, and this many floating-point operations per byte of vector width.
cdef long CHUNK_ROWS = 1024
cdef double CHUNK_FLOPS_PER_VECTOR_BYTE = 1.25e8
# The work in a row block, of those whose gradients are summed apart, that is worth a thread.
cdef double FLOPS_PER_BLOCK = 1.5e6
# A thread splits the weights itself, as it reads them, for at least so many rows of its own; for fewer they are split
# once, when they are updated, and read by all threads, at half as many bytes again.
cdef long ROWS_PER_SPLIT = 64
# So many strips that encoded columns look up are updated in the time of one whose gradient is a product.
cdef long STRIPS_LOOKED_UP = 5


cdef class Trainer(PackedNetwork):
    """A packed network that learns. What happens in a step is in step.pyx; here are its plan, data and memory.

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
        Whether the operands of all products, but for those with CSR input, are split into three bfloat16 terms, of
        whose products six are summed: as close as float32 products are, on AMX faster. None: where splits() says so and
        isa is None. With bfloat16 it has no effect.
    loss_options : float or sequence of float, default=()
        The number that the loss has, for all outputs or for each; () for its default.
    output_weights : sequence of float, default=None
        What each output's loss counts, for losses with a matrix of targets.
    python_loss : callable, default=None
        Takes the place of loss, whose targets and link it has: (targets, outputs, weights or None) -> (mean loss of the
        batch, its gradient with respect to the outputs).
    regularization : object, default=None
        What training does beside the loss's gradient and its L2 term: an object with the attributes of
        fastmlp.network.Regularization, of which the factors count as rate_factors and decay_factors alone; None is
        nothing.
    rate_factors, decay_factors : sequence of float, default=()
        Factors of the learning rate, and of the L2 term and the rule's weight decay: one for each named part of the
        parameters in the order of the flat vector, where the weights and the biases of a layer are two; () for none.
    seed : int, default=0
        Of dropout and noise.
    columns, isa
        As for PackedNetwork.
    """

    def __init__(self, sizes, hidden, loss, dtype, *, rule, max_batch, n_threads=1, bfloat16=False, split=None,
                 loss_options=(), output_weights=None, python_loss=None, regularization=None, rate_factors=(),
                 decay_factors=(), seed=0, columns=None, isa=None):
        super().__init__(sizes, hidden, loss, dtype, columns=columns, isa=isa)
        cdef training *t = &self.t
        cdef training_plan *plan = &t.plan
        cdef packed_network *net = &self.net
        cdef long i, vector_bytes = fm_isa_vector_bytes(isa_index_of(isa))
        t.network = net
        self.loss_arrays = settle_loss(net.loss, loss_options, output_weights, net.n_outputs, &plan.loss_settings)
        n_threads, plan.max_batch = team_size(n_threads), max_batch
        if (bfloat16 or split) and self.dtype != np.float32:
            raise ValueError(f"bfloat16 products go with float32, not {self.dtype}")
        plan.rule = index_of(RULES, rule, "rule")
        plan.tiny = np.finfo(self.dtype).tiny
        plan.seed = seed
        plan.running_share = 0.1
        self.judgement = Judgement()
        self.python_loss = python_loss
        if python_loss is not None:
            plan.open_way_back, plan.owner = _call_loss, <void *> self
        # In Python, threads would wait for each other, and share out the rows in other ways.
        plan.n_slices = 1 if net.runs_python or python_loss is not None else n_threads
        t.layers = <trained_layer *> self.memory.zeros(net.n_layers * sizeof(trained_layer))
        t.parts = <trained_part *> self.memory.zeros(net.n_parts * sizeof(trained_part))
        for i in range(net.n_layers):
            t.layers[i].packed = &net.layers[i]
            t.layers[i].below = &t.layers[i - 1] if i > 0 else NULL
            plan.n_moments += net.layers[i].normalization.method == BATCH_NORM and not plan.uses_running
        if regularization is not None:
            self.set_regularization(regularization)
        self.choose_chunk(vector_bytes)
        if split is None:
            split = (self.dtype == np.float32 and isa is None and splits(sizes, plan.chunk)
                     and fm_bfloat16_terms() == FM_TERMS)
        self.choose_terms(1 if bfloat16 else FM_TERMS if split else 0)
        self.turn_outputs()
        self.choose_blocks()
        self.allocate(vector_bytes)
        if rate_factors or decay_factors:
            self.set_factors(rate_factors, decay_factors)

    @property
    def n_threads(self):
        return self.t.plan.n_slices

    @property
    def terms(self):
        return self.t.plan.terms

    @property
    def shallow(self):
        return self.t.plan.is_shallow

    @property
    def step_count(self):
        return self.t.data.step_count

    # ---- the plan ----------------------------------------------------------------------------------------------------

    cdef int set_regularization(self, regularization) except -1:
        """Take what training does beside the loss's gradient and its L2 term."""
        cdef training_plan *plan = &self.t.plan
        cdef long i
        if len(regularization.dropout) not in (0, self.net.n_layers):
            raise ValueError(f"expected {self.net.n_layers} rates of dropout, got {regularization.dropout!r}")
        for i, rate in enumerate(regularization.dropout):
            if not 0 <= rate < 1:
                raise ValueError(f"a rate of dropout must be at least 0 and below 1, got {rate!r}")
            self.t.layers[i].dropout = rate
        plan.noise = regularization.input_noise
        plan.l1 = regularization.l1
        plan.clip_value = regularization.clip_value
        plan.clip_norm = regularization.clip_norm
        plan.max_norm = regularization.max_norm
        plan.average_decay = regularization.average_decay
        for i in range(self.net.n_layers - 1):
            self.net.layers[i].weights.limit = plan.max_norm
        if regularization.activity:
            i = regularization.activity_layer
            if not 0 <= i < self.net.n_layers - 1 or self.net.layers[i].kind != &DENSE:
                raise ValueError(f"the penalty of activity is for a dense hidden layer, got layer {i}")
            set_activity(&self.t.layers[i], regularization)
            plan.n_moments += self.t.layers[i].activity == KL_PENALTY
        return 0

    cdef int set_factors(self, rates, decays) except -1:
        """Give each part its factors; of each kind there may be none."""
        cdef training_plan *plan = &self.t.plan
        cdef trained_part *part
        cdef long i, k, number = 0
        rule = RULES[plan.rule]
        if rates and not RATE_HYPER[rule]:
            raise ValueError(f"rate_factors need a rule with a learning rate, which {rule!r} has not")
        for k in RATE_HYPER[rule]:
            plan.is_rate[k] = True
        plan.has_factors, plan.decay_hyper = True, DECAY_HYPER.get(rule, -1)
        # A part has a name for its weights, where it is a matrix, and one for its biases, where it has them.
        n_named = sum([(self.t.parts[i].layer != NULL) + (not self.t.parts[i].packed.unbiased)
                       for i in range(self.net.n_parts)])
        if len(rates) not in (0, n_named) or len(decays) not in (0, n_named):
            raise ValueError(f"expected {n_named} factors or none, got {len(rates)} and {len(decays)}")
        for i in range(self.net.n_parts):
            part = &self.t.parts[i]
            part.factors[1].rate = part.factors[1].decay = 1
            for k in range(0 if part.layer != NULL else 1, 1 if part.packed.unbiased else 2):
                part.factors[k].rate = rates[number] if rates else 1
                part.factors[k].decay = decays[number] if decays else 1
                number += 1
        return 0

    cdef bint waits_for_all_rows(self):
        """Return whether something needs all rows of a batch before the way back."""
        return self.t.plan.n_moments > 0 or self.t.plan.open_way_back != NULL

    cdef int choose_chunk(self, long vector_bytes) except -1:
        """Choose how many rows go through a step together: all of a batch where something waits for them."""
        cdef training_plan *plan = &self.t.plan
        cdef double rows = CHUNK_FLOPS_PER_VECTOR_BYTE * vector_bytes / (6.0 * self.net.multiply_adds)
        plan.chunk = max(1, min(plan.max_batch, min(CHUNK_ROWS, <long> max(32.0, rows))))
        if self.waits_for_all_rows():
            plan.chunk = max(1, plan.max_batch)
        return 0

    cdef int choose_terms(self, int terms) except -1:
        """Choose of how many bfloat16 terms the operands of products are, and what of the plan depends on it."""
        cdef training_plan *plan = &self.t.plan
        plan.terms = terms
        plan.grain = FM_BLOCK // FM_STRIP if terms else 1
        plan.rows_together = CACHED_ROWS_BFLOAT16 if terms else CACHED_ROWS
        if terms and not self.waits_for_all_rows() and plan.chunk > FM_BLOCK:
            plan.chunk -= plan.chunk % FM_BLOCK
        # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
        plan.stride = plan.chunk | 1
        if terms:
            plan.row_blocks = ceil_divide(plan.chunk, FM_BLOCK)
            plan.keeps_rounded = terms == 1 or plan.chunk < ROWS_PER_SPLIT * plan.n_slices
        return 0

    cdef int turn_outputs(self) except -1:
        """Lay the last layer's weights out turned, where it has few outputs and there are kernels for that.

        Neither the transposed copy is needed then nor the padding, which would be nearly all there is of it.
        """
        cdef fm_layer *weights = self.net.layers[self.net.n_layers - 1].weights
        if (self.net.kernels.dense_turned == NULL or self.t.plan.terms or self.net.n_layers == 1
                or weights.outputs > FM_NARROW):
            return 0
        weights.turned = True
        weights.weights = self.memory.zeros(packed_bytes(&self.net, weights))
        return 0

    cdef int choose_blocks(self) except -1:
        """Choose into how many row blocks, if any, the gradient is split.

        Each block's gradient is summed by the thread that has the block's activations in its cache; the tile phase then
        adds up a few finished sums instead of reading every thread's activations and deltas. That pays where these are
        larger than the sums. It changes the order of the additions, so it depends on the network and the batch, never
        on the threads. Sums are added in pairs of blocks, then the pairs in their order; a thread that has both of a
        pair adds them as it makes them.
        """
        cdef training_plan *plan = &self.t.plan
        cdef packed_network *net = &self.net
        cdef fm_layer *part
        cdef Py_ssize_t sums = 0, values = 0
        cdef long i, n = min(MAX_BLOCKS, <long> (plan.max_batch * (6.0 * net.multiply_adds) / FLOPS_PER_BLOCK))
        for i in range(net.n_parts):
            part = &net.parts[i]
            sums += packed_bytes(net, part)
            values += (panels_of(net, part.inputs) + panels_of(net, part.outputs)) * FM_PANEL_BYTES
        if (plan.terms or self.waits_for_all_rows() or n < 2 or self.columns is not None or plan.max_batch > plan.chunk
                or 2 * n * sums > values * plan.max_batch):
            return 0
        plan.n_blocks = n
        plan.block_rows = plan.rows_together = ceil_divide(plan.max_batch, n)
        return 0

    # ---- memory ------------------------------------------------------------------------------------------------------

    cdef int allocate(self, long vector_bytes) except -1:
        """Make all memory that does not depend on what the data are."""
        cdef training *t = &self.t
        cdef packed_network *net = &self.net
        cdef long i, widest = 1, widest_normalized = 0
        cdef int slice_
        t.plan.operations = <planned_operation *> self.memory.zeros(
            MOST_OPERATIONS * (net.n_layers + 1) * sizeof(planned_operation))
        t.plan.row_phases = <row_phase *> self.memory.zeros(MOST_PHASES * (net.n_layers + 1) * sizeof(row_phase))
        # In cache lines of their own, since all threads read the trainer's while these are written.
        t.progress.barrier = <fm_barrier *> self.memory.zeros(max(64, sizeof(fm_barrier)))
        t.progress.finished = <finished_batch *> self.memory.zeros(max(64, sizeof(finished_batch)))
        t.scratch.row_losses = <double *> self.memory.zeros(t.plan.chunk * sizeof(double))
        t.scratch.threads = <thread_scratch *> self.memory.zeros(t.plan.n_slices * sizeof(thread_scratch))
        for i in range(net.n_parts):
            self.allocate_part(&t.parts[i], &net.parts[i], vector_bytes)
        for i in range(net.n_layers):
            net.layers[i].kind.allocate(t, &t.layers[i], self.memory)
            widest = max(widest, net.layers[i].n_outputs)
            if net.layers[i].normalization.method == BATCH_NORM:
                widest_normalized = max(widest_normalized, panels_of(net, net.layers[i].n_outputs))
        if t.plan.terms:
            allocate_rounded_rows(t, widest, self.memory)
        if widest_normalized:
            for slice_ in range(t.plan.n_slices):
                t.scratch.threads[slice_].totals = self.memory.zeros(2 * widest_normalized * FM_PANEL_BYTES)
        return 0

    cdef int allocate_part(self, trained_part *part, fm_layer *packed, long vector_bytes) except -1:
        """Make what the update of a part needs; its layer names the operands of its gradient."""
        cdef training_plan *plan = &self.t.plan
        cdef Py_ssize_t n_bytes = packed_bytes(&self.net, packed)
        cdef long j
        part.packed, part.update = packed, update_with_vector_operands
        part.n_panels = panels_of(&self.net, packed.outputs)
        # A vector of parameters is updated as the biases of a layer without inputs.
        part.strips = max(1, ceil_divide(packed.inputs, self.net.panel if packed.turned else FM_STRIP))
        part.grains = ceil_divide(part.strips, plan.grain)
        part.cost = ceil_divide(min(self.net.panel, packed.outputs) * self.net.itemsize, vector_bytes)
        if self.columns is not None and packed != self.net.layers[0].weights:
            part.cost *= STRIPS_LOOKED_UP
        plan.total_cost += part.n_panels * part.grains * part.cost
        part.squares = <double *> self.memory.zeros(part.n_panels * part.strips * sizeof(double))
        if plan.max_batch > plan.chunk or plan.clip_norm:
            packed.sums = self.memory.zeros(n_bytes)
        if plan.clip_norm:
            part.norms = <double *> self.memory.zeros(part.n_panels * (part.strips + 1) * sizeof(double))
        for j in range(fm_rule_slots(plan.rule)):
            packed.slots[j] = self.memory.zeros(n_bytes)
        for j in range(plan.n_blocks):
            part.block_sums[j] = self.memory.zeros(n_bytes)
        if plan.average_decay:
            packed.average = self.memory.zeros(n_bytes)
        return 0

    # ---- parameters and state ----------------------------------------------------------------------------------------

    def load(self, params, slots=(), average=None):
        """Take the parameters, the rule's state and the average of the parameters from flat vectors."""
        cdef long i
        self.check_state(slots, average)
        super().load(params)
        for i in range(self.net.n_layers):
            self.net.layers[i].kind.copy_weights(&self.t, &self.t.layers[i])
        for j, slot in enumerate(slots):
            self.load_parts(slot, self.slot_of_parts(j))
        if average is not None:
            self.load_parts(average, self.average_of_parts())

    def store(self, params, slots=(), average=None):
        """Write the parameters (unless None), the rule's state and the average of the parameters to flat vectors."""
        self.check_state(slots, average)
        if params is not None:
            super().store(params)
        for j, slot in enumerate(slots):
            self.store_parts(slot, self.slot_of_parts(j))
        if average is not None:
            self.store_parts(average, self.average_of_parts())

    cdef int check_state(self, slots, average) except -1:
        """Refuse state that the rule does not have."""
        cdef int rule = self.t.plan.rule
        if len(slots) > fm_rule_slots(rule):
            raise ValueError(f"the rule {RULES[rule]} has {fm_rule_slots(rule)} arrays of state, got {len(slots)}")
        if average is not None and not self.t.plan.average_decay:
            raise ValueError("there is no average of the parameters without average_decay")
        return 0

    cdef list slot_of_parts(self, long j):
        """Return where each part has array j of the rule's state."""
        cdef long i
        return [<size_t> self.net.parts[i].slots[j] for i in range(self.net.n_parts)]

    cdef list average_of_parts(self):
        """Return where each part has the average of its parameters."""
        cdef long i
        return [<size_t> self.net.parts[i].average for i in range(self.net.n_parts)]

    def use_running(self):
        """Have forward passes normalise by the running moments as they are now."""
        cdef long i
        for i in range(self.net.n_layers):
            if self.net.layers[i].normalization.method == BATCH_NORM:
                self.use_running_moments(i)

    # ---- data --------------------------------------------------------------------------------------------------------

    def attach(self, Rows rows not None, targets, weights=None):
        """Name the data: X, targets, and sample weights or None.

        Targets are None where they are the rows of X themselves. Otherwise they are int32 class numbers of shape (n,)
        for the losses in CLASS_TARGET_LOSSES, else an array of the compute type of shape (n, n_outputs). Weights are
        float64 of shape (n,).
        """
        cdef training *t = &self.t
        cdef long n_bytes
        self.check_rows(rows)
        if targets is None:
            self.take_rows_as_targets(rows, weights)
        else:
            check_targets(self.net.loss, self.dtype, targets, weights, rows.source.n_rows, self.net.n_outputs)
        self.attach_rows(rows)
        self.data_arrays = (rows, targets, weights)
        t.data.targets = NULL if targets is None else cnp.PyArray_DATA(targets)
        t.data.weights = NULL if weights is None else <const double *> cnp.PyArray_DATA(weights)
        t.data.weighs_moments = weights is not None and t.plan.n_moments
        if t.data.weighs_moments and t.scratch.row_weights == NULL:
            t.scratch.row_weights = <double *> self.memory.zeros(t.plan.chunk * sizeof(double))
            n_bytes = ceil_divide(t.plan.chunk, MOMENT_ROWS) * sizeof(double)
            t.scratch.block_weights = <double *> self.memory.zeros(n_bytes)
        plan_step(t)

    cdef int take_rows_as_targets(self, Rows rows, weights) except -1:
        """Refuse rows that cannot be targets, and make what is needed to convert them."""
        cdef thread_scratch *scratch
        cdef long n = self.t.plan.rows_together, width = self.net.n_outputs
        cdef int slice_
        if (rows.source.is_encoded or rows.source.n_features != width or fm_loss_takes_classes(self.net.loss)
                or self.python_loss is not None):
            raise ValueError(f"rows of {rows.source.n_features} features are no targets of the loss"
                             f" {LOSSES[self.net.loss]} of {width} outputs")
        check_weights(weights, rows.source.n_rows)
        for slice_ in range(self.t.plan.n_slices):
            scratch = &self.t.scratch.threads[slice_]
            if scratch.target_rows == NULL:
                scratch.target_rows = self.memory.zeros(n * width * self.net.itemsize)
                scratch.target_panels = self.memory.zeros(n * panels_of(&self.net, width) * FM_PANEL_BYTES)
                scratch.target_weights = <double *> self.memory.zeros(n * sizeof(double))
        return 0

    cdef int attach_rows(self, Rows rows) except -1:
        """Name X, which the network can read, and have each layer choose how it makes its products."""
        cdef training *t = &self.t
        cdef long i
        cdef int slice_
        cdef bint was_sparse = self.is_attached and t.data.X.is_sparse
        if rows.source.is_sparse and t.plan.noise:
            raise ValueError("noise on the inputs would leave no zeros of a CSR matrix")
        # Training on CSR rows does not keep the first layer's rounded weights in step.
        if t.plan.keeps_rounded and was_sparse and not rows.source.is_sparse:
            self.net.layers[0].kind.copy_weights(t, &t.layers[0])
        self.is_attached, t.data.X = True, rows.source
        if rows.source.is_sparse and t.scratch.threads[0].cursors == NULL:
            for slice_ in range(t.plan.n_slices):
                t.scratch.threads[slice_].cursors = <int64_t *> self.memory.zeros(t.plan.chunk * sizeof(int64_t))
        t.plan.is_shallow = takes_shallow_kernels(t)
        for i in range(self.net.n_layers):
            self.net.layers[i].kind.choose_products(t, &t.layers[i], self.memory)
        return 0

    def begin(self, orders, long batch_size, double l2, hyper, long step_count):
        """Begin passes, one for each of the orders, over the rows it names, in minibatches; run() does them.

        hyper holds the rule's hyperparameters in the order rules.def gives, one row for all updates, or one for each of
        them; it is copied. step_count: the updates made before. A minibatch whose weights are all zero is passed over.
        """
        cdef training_data *data = &self.t.data
        if not self.is_attached:
            raise ValueError("attach() comes before begin()")
        if not 1 <= batch_size <= self.t.plan.max_batch:
            raise ValueError(f"batch_size must be from 1 to max_batch={self.t.plan.max_batch}, got {batch_size}")
        if not (is_plain(orders) and orders.dtype == np.int64 and orders.ndim == 2):
            raise ValueError("orders must be a contiguous matrix of int64")
        if not are_within(<const int64_t *> cnp.PyArray_DATA(orders), orders.size, data.X.n_rows):
            raise ValueError(f"orders must hold numbers of rows, from 0 to {data.X.n_rows - 1}")
        data.n_passes, data.n_rows = orders.shape
        data.order = <const int64_t *> cnp.PyArray_DATA(orders)
        data.batch_size = batch_size
        data.batches_per_pass = ceil_divide(data.n_rows, batch_size)
        data.l2 = l2
        data.step_count = step_count
        self.t.progress.position = 0
        self.t.progress.finished.pending = False
        self.loss_sums = np.zeros(data.n_passes)
        self.t.progress.loss_sums = <double *> cnp.PyArray_DATA(self.loss_sums)
        weights = self.data_arrays[2]
        if weights is None:
            self.batch_arrays = (orders,)
            data.weight_sums = NULL
        else:
            sums = np.add.reduceat(weights[orders], np.arange(0, data.n_rows, batch_size), axis=1).ravel()
            numbers = step_count + np.cumsum(sums != 0)
            self.batch_arrays = (orders, sums, numbers)
            data.weight_sums = <const double *> cnp.PyArray_DATA(sums)
            data.step_numbers = <const int64_t *> cnp.PyArray_DATA(numbers)
        self.take_hyper(np.atleast_2d(hyper))

    cdef int take_hyper(self, rows) except -1:
        """Copy the rule's hyperparameters, one row for all updates or one for each."""
        cdef training_data *data = &self.t.data
        cdef long i, n = rows.shape[0], width = rows.shape[1], n_updates
        cdef double *taken
        if width > FM_MAX_HYPER:
            raise ValueError(f"a rule has at most {FM_MAX_HYPER} hyperparameters, got {width}")
        n_updates = data.n_passes * data.batches_per_pass
        if data.weight_sums != NULL:
            n_updates = np.count_nonzero(self.batch_arrays[1])
        if n != 1 and n < n_updates:
            raise ValueError(f"expected one row of hyperparameters, or {n_updates}, one per update; got {n}")
        self.hyper = np.zeros((n, FM_MAX_HYPER))
        self.hyper[:, :width] = rows
        taken = <double *> cnp.PyArray_DATA(self.hyper)
        for i in range(n * FM_MAX_HYPER):
            # A denormal number would count as zero in the engine.
            if 0 < taken[i] < self.t.plan.tiny:
                taken[i] = self.t.plan.tiny
        data.hyper = taken
        data.hyper_step = FM_MAX_HYPER if n > 1 else 0
        return 0

    # ---- runs --------------------------------------------------------------------------------------------------------

    def run(self):
        """Go on with the passes for a short while; return whether they are complete."""
        cdef training *t = &self.t
        cdef double start = fm_seconds(), cpu_seconds
        if self.is_complete():
            return True
        t.progress.stop = t.progress.failed = False
        t.progress.deadline = start + RUN_SECONDS
        if self.works_alone(start):
            # Without OpenMP: a process forked from one that had a team must not enter it.
            with nogil:
                run_steps(t, 0, 1)
        else:
            with nogil:
                cpu_seconds = -fm_cpu_seconds()
                # No prange: GCC's OpenMP would put a barrier of its own before each.
                with parallel(num_threads=t.plan.n_slices):
                    run_steps(t, threadid(), fm_team_size())
                cpu_seconds += fm_cpu_seconds()
            self.judge_team(start, cpu_seconds)
        fold_loss(t)
        self.raise_error()
        return self.is_complete()

    cdef bint works_alone(self, double now):
        """Return whether one thread does all slices: the only one there is, or that other processes leave a CPU to."""
        return self.t.plan.n_slices == 1 or self.judgement.alone(now)

    cdef void judge_team(self, double start, double cpu_seconds):
        """Note how much CPU time a whole team has got since it started."""
        cdef double end = fm_seconds()
        self.judgement.note(end - start, cpu_seconds - LEAST_CPU_SHARE * self.t.plan.n_slices * (end - start), end)

    cdef bint is_complete(self):
        return self.t.progress.position >= self.t.data.n_passes * self.t.data.n_rows

    def losses(self):
        """Return the mean loss of each pass that is complete: of its batches' losses, weighted by their lengths."""
        cdef long n_rows = self.t.data.n_rows
        return (self.loss_sums[: self.t.progress.position // n_rows] / n_rows).tolist() if n_rows else []

    def updates_done(self):
        """Return how many updates had been made by the end of the passes so far: step_count for the next ones."""
        cdef chunk_place last
        if self.t.progress.position == 0:
            return self.t.data.step_count
        place_chunk(&self.t, self.t.progress.position - 1, &last)
        # A run may end in the middle of a batch.
        return last.step_number - (last.batch_end > self.t.progress.position and last.weight != 0)

    # ---- functions in Python -----------------------------------------------------------------------------------------

    cdef int fail(self, error) except -1:
        """Keep an error for raise_error(), and let the run come back."""
        self.t.progress.failed = True
        return PackedNetwork.fail(self, error)

    cdef int call_loss(self, const chunk_place *chunk) except -1:
        """Call a loss in Python for a whole batch; its gradient takes the place of the outputs."""
        cdef packed_network *net = &self.net
        cdef long n = chunk.end - chunk.start, width = net.n_outputs, stride = self.t.plan.stride, r
        cdef double batch_weight = chunk.weight
        cdef fm_rows panels = rows_at(self.t.layers[net.n_layers - 1].deltas, stride, n, width)
        cdef fm_source plain
        _, targets, weights = self.data_arrays
        rows = self.batch_arrays[0].ravel()[chunk.start:chunk.start + n]
        outputs = np.empty((n, width), dtype=self.dtype)
        net.kernels.scatter(&panels, cnp.PyArray_DATA(outputs), width * net.itemsize)
        loss, gradient = self.python_loss(targets[rows], outputs, None if weights is None else weights[rows])
        deltas = np.ascontiguousarray(gradient * batch_weight, dtype=self.dtype)
        if deltas.shape != (n, width):
            raise ValueError(f"the loss must return a gradient of shape {(n, width)}, got {deltas.shape}")
        plain = plain_rows(cnp.PyArray_DATA(deltas), width * net.itemsize)
        net.kernels.gather[net.element](&plain, &panels)
        for r in range(n):
            self.t.scratch.row_losses[r] = 0
        self.t.scratch.row_losses[0] = loss * batch_weight
        return 0


cdef void _call_loss(training *t, trained_layer *layer, const row_block *rows) noexcept nogil:
    """Opening: call a loss in Python."""
    with gil:
        try:
            (<Trainer> t.plan.owner).call_loss(rows.chunk)
        except BaseException as error:
            (<Trainer> t.plan.owner).fail(error)
