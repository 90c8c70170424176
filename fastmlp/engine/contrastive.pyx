"""Contrastive divergence: restricted Boltzmann machines that learn.

The gradient of the log-likelihood is the mean over rows of data of v^T h, less its mean over rows of the model. For
h stand the probabilities of hidden units; rows of the model are drawn by chains of a few steps, which begin at the data
(contrastive divergence), or go on from step to step (persistent chains).

A step has two phases with a barrier after each, as that of a network:

rows
    Each slice of the data goes to the hidden units, and each slice of the chains to and fro. Rows do not need each
    other. The deltas of hidden units become what the sums over rows need of them: -h / n of the data, and h / n of the
    model, one after the other.
strips
    Each slice of the weights is updated: its gradient is one product over both, in registers; then follow the update
    rule, the weight, the transposed copy.

There are as many slices as threads in a whole team, and the results do not depend on their number.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport parallel, threadid
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from fastmlp.engine.layout cimport packed_bytes, panels_of, plain_rows, rows_at
from fastmlp.engine.memory cimport are_within, ceil_divide, is_plain
from fastmlp.engine.native cimport (
    FM_MAX_HYPER, FM_PANEL_BYTES, FM_STRIP, fm_barrier, fm_barrier_wait, fm_cpu_seconds, fm_denormals_flush,
    fm_denormals_restore, fm_rows, fm_rule_prepare, fm_rule_slots, fm_seconds, fm_source, fm_step, fm_strips, real,
)
from fastmlp.engine.restricted cimport (
    RestrictedMachine, draw_bits, draw_visible, find_hidden, gather_visible, hidden_bytes, hidden_rows, key_of,
    machine, switch_on, visible_bytes, visible_rows,
)
from fastmlp.engine.rows cimport Rows, row_source
from fastmlp.engine.structs cimport CACHED_ROWS
from fastmlp.engine.tables cimport index_of
from fastmlp.engine.teams cimport Judgement, fm_team_size, team_size

from fastmlp.engine.tables import RULES

cnp.import_array()

# A run comes back to Python after this long, so that Ctrl-C is seen.
cdef double RUN_SECONDS = 0.05
# A team whose threads get less than so much of the CPU time they could use is slower than one thread.
cdef double LEAST_CPU_SHARE = 0.75


# Where a run stands, in cache lines of its own.
cdef struct learning_progress:
    long position            # of the rows in order
    bint stop


cdef struct learning:
    machine *m
    int n_slices
    # the data
    row_source X
    const int64_t *order     # (n_rows,)
    long n_rows
    long batch_size
    # what a step does
    uint64_t seed
    long n_gibbs
    long n_chains            # persistent ones; 0 for chains that begin at the data
    int rule
    double l2
    const double *hyper      # (1 or updates, FM_MAX_HYPER)
    long hyper_step          # from one update's hyperparameters to the next's
    int64_t step_count       # of the updates made before
    # sparsity
    double sparsity_cost
    double sparsity_target
    double sparsity_decay
    char *activities         # (1, hidden units): how often each is on, a running mean
    char *shifts             # (1, hidden units): what this adds to the deltas of a row of data
    char *zeros              # (1, hidden units)
    # buffers of rows, those of the data before those of the model
    long stride
    char *visible            # (2 batches, n_visible)
    char *deltas             # (2 batches, hidden units)
    char *bits               # (chains, hidden units): where chains begin, which persistent ones come back to
    char *of_data[2]         # (1, hidden units): what deltas are multiplied by, in a whole batch and in a shorter one
    char *of_model[2]
    learning_progress *progress
    double deadline
    fm_barrier *barrier


# The rows of one update.
cdef struct step_place:
    long start, end
    int64_t number           # of the update, counted from 1
    bint is_short            # whether it has fewer rows than a whole batch


cdef class ContrastiveTrainer(RestrictedMachine):
    """A machine that learns.

    Parameters
    ----------
    n_visible, n_hidden, dtype, normal, isa
        As for RestrictedMachine.
    rule : str
        Update rule, from RULES. "gradient" leaves the parameters alone and puts the gradient of the negative
        log-likelihood into slot 0.
    max_batch : int
        Rows of the largest batch that will be run.
    n_chains : int, default=0
        Persistent chains; 0 for chains that begin at the rows of each batch.
    n_threads : int, default=1
        Threads of the team. The results do not depend on it.
    seed : int, default=0
        Of all that is drawn, beside the number of the update.
    sparsity_cost, sparsity_target, sparsity_decay : float, default=0, 0.1 and 0.9
        The cost times (the rate at which a hidden unit is on - the target), the rate being a mean over batches that
        keeps so much of itself, is added to the slope of the loss by the unit's value before its activation.
    """

    cdef learning t
    cdef readonly long max_batch
    cdef Judgement judgement
    cdef object data_arrays  # what the run reads: rows, order, hyperparameters

    def __init__(self, n_visible, n_hidden, dtype, *, rule, max_batch, n_chains=0, n_threads=1, normal=False, seed=0,
                 sparsity_cost=0.0, sparsity_target=0.1, sparsity_decay=0.9, isa=None):
        super().__init__(n_visible, n_hidden, dtype, normal=normal, isa=isa)
        cdef learning *t = &self.t
        cdef machine *m = &self.m
        cdef Py_ssize_t n_bytes = packed_bytes(&m.net, &m.weights), row_bytes = hidden_bytes(m, 1)
        cdef int j
        self.max_batch, t.m, t.n_chains = max_batch, m, n_chains
        self.judgement = Judgement()
        t.n_slices, t.rule, t.seed = team_size(n_threads), index_of(RULES, rule, "rule"), seed
        if self.max_batch < 1 or t.n_chains < 0:
            raise ValueError(f"expected max_batch of at least 1 and n_chains of at least 0, got {max_batch} and"
                             f" {n_chains}")
        for j in range(fm_rule_slots(t.rule)):
            m.weights.slots[j] = self.memory.zeros(n_bytes)
        # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
        t.stride = (self.max_batch + max(self.max_batch, t.n_chains)) | 1
        t.visible = self.memory.zeros(visible_bytes(m, t.stride))
        t.deltas = self.memory.zeros(hidden_bytes(m, t.stride))
        t.bits = self.memory.zeros(hidden_bytes(m, t.stride))
        for j in range(2):
            t.of_data[j], t.of_model[j] = self.memory.zeros(row_bytes), self.memory.zeros(row_bytes)
        t.sparsity_cost, t.sparsity_target, t.sparsity_decay = sparsity_cost, sparsity_target, sparsity_decay
        t.shifts, t.zeros = self.memory.zeros(row_bytes), self.memory.zeros(row_bytes)
        t.activities = self.memory.zeros(row_bytes)
        t.progress = <learning_progress *> self.memory.zeros(max(64, sizeof(learning_progress)))
        t.barrier = <fm_barrier *> self.memory.zeros(max(64, sizeof(fm_barrier)))

    @property
    def n_threads(self):
        return self.t.n_slices

    @property
    def n_chains(self):
        return self.t.n_chains

    # ---- parameters and state ----------------------------------------------------------------------------------------

    def load(self, params, slots=()):
        """Take the parameters, and the rule's state, which is laid out as they are."""
        cdef int j
        self.check_slots(slots)
        super().load(params)
        for j, slot in enumerate(slots):
            self.pack(slot, &self.m.weights, self.m.weights.slots[j])

    def store(self, params, slots=()):
        """Write the parameters (unless None) and the rule's state."""
        cdef int j
        self.check_slots(slots)
        if params is not None:
            super().store(params)
        for j, slot in enumerate(slots):
            self.unpack(slot, self.m.weights.slots[j])

    cdef int check_slots(self, slots) except -1:
        if len(slots) > fm_rule_slots(self.t.rule):
            raise ValueError(f"the rule {RULES[self.t.rule]} has {fm_rule_slots(self.t.rule)} arrays of state, got"
                             f" {len(slots)}")
        return 0

    def load_chains(self, hidden):
        """Take the hidden units of the persistent chains, bits in an array of shape (n_chains, n_hidden)."""
        cdef machine *m = &self.m
        cdef const char *given = self.chains_of(hidden)
        cdef fm_source plain = plain_rows(given, m.n_hidden * m.net.itemsize)
        cdef fm_rows chains = rows_at(self.t.bits, self.t.stride, self.t.n_chains, m.n_hidden)
        m.net.kernels.gather[m.net.element](&plain, &chains)
        switch_on(m, &chains)

    def store_chains(self, hidden):
        """Write the hidden units of the persistent chains."""
        cdef machine *m = &self.m
        cdef char *to = self.chains_of(hidden)
        cdef fm_rows chains = rows_at(self.t.bits, self.t.stride, self.t.n_chains, m.n_hidden)
        m.net.kernels.scatter(&chains, to, m.n_hidden * m.net.itemsize)

    cdef char *chains_of(self, hidden) except? NULL:
        cdef char *at = self.matrix(hidden, self.m.n_hidden, "chains")
        if len(hidden) != self.t.n_chains or not hidden.flags.writeable:
            raise ValueError(f"expected {self.t.n_chains} chains that can be written to, got {len(hidden)}")
        return at

    def load_activities(self, activities):
        """Take how often each hidden unit is on, as the mean over batches has it so far: shape (n_hidden,)."""
        cdef learning *t = &self.t
        cdef machine *m = &self.m
        cdef fm_source plain
        cdef fm_rows row = rows_at(t.activities, 1, 1, m.n_hidden)
        if not (is_plain(activities) and activities.dtype == self.dtype and activities.shape == (m.n_hidden,)):
            raise ValueError(f"expected a contiguous {self.dtype} vector of {m.n_hidden} rates")
        plain = plain_rows(cnp.PyArray_DATA(activities), 0)
        m.net.kernels.gather[m.net.element](&plain, &row)
        shifts = np.ascontiguousarray(t.sparsity_cost * (activities - t.sparsity_target), dtype=self.dtype)
        plain.x = cnp.PyArray_DATA(shifts)
        row.at = t.shifts
        m.net.kernels.gather[m.net.element](&plain, &row)

    def activities(self):
        """Return how often each hidden unit is on, as the mean over batches has it, where there is a sparsity cost."""
        cdef machine *m = &self.m
        out = np.empty(m.n_hidden, dtype=self.dtype)
        cdef fm_rows row = rows_at(self.t.activities, 1, 1, m.n_hidden)
        m.net.kernels.scatter(&row, cnp.PyArray_DATA(out), 0)
        return out

    # ---- runs --------------------------------------------------------------------------------------------------------

    def begin(self, Rows rows not None, order, long batch_size, long n_gibbs, double l2, hyper, long step_count):
        """Begin a pass over the rows that order names, in batches; run() does it.

        Parameters
        ----------
        rows : Rows
            It is read in place, and must not change meanwhile.
        order : ndarray of shape (n,), int64
        batch_size : int
        n_gibbs : int
            Steps of the chains for each update.
        l2 : float
            The weights, times this, are added to the mean gradient; biases have no such term.
        hyper : ndarray of shape (n_hyper,) or (n_updates, n_hyper)
            The rule's hyperparameters, for all updates or for each.
        step_count : int
            The updates made before.
        """
        cdef learning *t = &self.t
        cdef long n_updates
        self.check_rows(rows)
        if not 1 <= batch_size <= self.max_batch or n_gibbs < 1:
            raise ValueError(f"batch_size must be from 1 to max_batch={self.max_batch}, and n_gibbs at least 1; got"
                             f" {batch_size} and {n_gibbs}")
        if not (is_plain(order) and order.dtype == np.int64 and order.ndim == 1
                and are_within(<const int64_t *> cnp.PyArray_DATA(order), order.size, rows.source.n_rows)):
            raise ValueError(f"order must be a contiguous vector of int64, from 0 to {rows.source.n_rows - 1}")
        n_updates = ceil_divide(order.size, batch_size)
        given = np.atleast_2d(np.asarray(hyper, dtype=np.float64))
        if given.shape[0] not in (1, n_updates) or given.shape[1] > FM_MAX_HYPER:
            raise ValueError(f"expected hyperparameters for all updates or for {n_updates}, got shape {given.shape}")
        padded = np.zeros((len(given), FM_MAX_HYPER))
        padded[:, :given.shape[1]] = given
        self.data_arrays = (rows, order, padded)
        t.X, t.order, t.n_rows = rows.source, <const int64_t *> cnp.PyArray_DATA(order), order.size
        t.batch_size, t.n_gibbs, t.l2, t.step_count = batch_size, n_gibbs, l2, step_count
        t.hyper, t.hyper_step = <const double *> cnp.PyArray_DATA(padded), FM_MAX_HYPER if len(given) > 1 else 0
        t.progress.position = 0
        self.set_factors(0, batch_size)
        self.set_factors(1, t.n_rows % batch_size or batch_size)

    cdef int set_factors(self, int which, long n) except -1:
        """Set what the deltas of batches of n rows are multiplied by; that of the padding is zero."""
        cdef learning *t = &self.t
        cdef machine *m = &self.m
        cdef fm_source plain
        cdef fm_rows row
        cdef long k
        for k in range(2):
            factors = np.zeros(m.on + 1, dtype=self.dtype)
            factors[:m.n_hidden] = factors[m.on] = 1.0 / (t.n_chains or n) if k else -1.0 / n
            plain = plain_rows(cnp.PyArray_DATA(factors), 0)
            row = rows_at(t.of_model[which] if k else t.of_data[which], 1, 1, m.on + 1)
            m.net.kernels.gather[m.net.element](&plain, &row)
        return 0

    def run(self):
        """Go on with the pass for a short while; return whether it is complete."""
        cdef learning *t = &self.t
        cdef double start = fm_seconds(), cpu_seconds, end
        if t.progress.position >= t.n_rows:
            return True
        t.progress.stop, t.deadline = False, start + RUN_SECONDS
        if t.n_slices == 1 or self.judgement.alone(start):
            # Without OpenMP: a process forked from one that had a team must not enter it.
            with nogil:
                _run_steps(t, 0, 1)
        else:
            with nogil:
                cpu_seconds = -fm_cpu_seconds()
                # No prange: GCC's OpenMP would put a barrier of its own before each.
                with parallel(num_threads=t.n_slices):
                    _run_steps(t, threadid(), fm_team_size())
                cpu_seconds += fm_cpu_seconds()
                end = fm_seconds()
            self.judgement.note(end - start, cpu_seconds - LEAST_CPU_SHARE * t.n_slices * (end - start), end)
        return t.progress.position >= t.n_rows

    def updates_done(self):
        """Return how many updates there were by the end of the rows so far: step_count for the next pass."""
        return self.t.step_count + ceil_divide(self.t.progress.position, self.t.batch_size)


# ---- steps -----------------------------------------------------------------------------------------------------------

cdef void _run_steps(learning *t, int thread, int team) noexcept nogil:
    """Make steps, as one thread of a team, until the run is to stop."""
    cdef unsigned mode = fm_denormals_flush()
    cdef step_place place
    cdef long start = t.progress.position
    cdef int slice_
    while True:
        place.start, place.end = start, min(t.n_rows, start + t.batch_size)
        place.number = t.step_count + start // t.batch_size + 1
        place.is_short = place.end - place.start < t.batch_size
        slice_ = thread
        while slice_ < t.n_slices:
            _take_rows(t, &place, slice_)
            slice_ += team
        _wait(t, team)
        if thread == 0 and (place.end == t.n_rows or fm_seconds() > t.deadline):
            t.progress.position, t.progress.stop = place.end, True
        slice_ = thread
        while slice_ < t.n_slices:
            _update_strips(t, &place, slice_)
            slice_ += team
        _wait(t, team)
        start = place.end
        if t.progress.stop:
            break
    fm_denormals_restore(mode)


cdef inline void _wait(learning *t, int team) noexcept nogil:
    if team > 1:
        fm_barrier_wait(t.barrier, team)


# ---- rows ------------------------------------------------------------------------------------------------------------

cdef void _take_rows(learning *t, const step_place *place, int slice_) noexcept nogil:
    """Do the row phase for a slice of the data, and of the chains."""
    cdef long n = place.end - place.start, low = n * slice_ // t.n_slices, end = n * (slice_ + 1) // t.n_slices, high
    while low < end:
        high = min(end, low + CACHED_ROWS)
        _take_data(t, place, low, high)
        if t.n_chains == 0:
            _take_chains(t, place, low, high)
        low = high
    low, end = t.n_chains * slice_ // t.n_slices, t.n_chains * (slice_ + 1) // t.n_slices
    while low < end:
        high = min(end, low + CACHED_ROWS)
        _take_chains(t, place, low, high)
        low = high


cdef void _take_data(learning *t, const step_place *place, long low, long high) noexcept nogil:
    """Take rows of the data to the hidden units; draw these, where chains begin with them; make deltas of them."""
    cdef machine *m = t.m
    cdef fm_rows visible = visible_rows(m, t.visible, t.stride, low, high - low)
    cdef fm_rows hidden = hidden_rows(m, t.deltas, t.stride, low, high - low)
    gather_visible(m, &t.X, t.order, place.start + low, &visible)
    find_hidden(m, &visible, &hidden)
    if t.n_chains == 0:
        draw_bits(m, &hidden, t.bits + low * FM_PANEL_BYTES, key_of(t.seed, place.number, 0), low)
    m.net.kernels.standardize(&hidden, t.shifts, t.of_data[place.is_short])


cdef void _take_chains(learning *t, const step_place *place, long low, long high) noexcept nogil:
    """Take chains to and fro; make deltas of the hidden units at their ends, and keep these where chains persist."""
    cdef machine *m = t.m
    cdef long first = place.end - place.start + low, k
    cdef fm_rows visible = visible_rows(m, t.visible, t.stride, first, high - low)
    cdef fm_rows hidden = hidden_rows(m, t.deltas, t.stride, first, high - low)
    cdef fm_rows bits = hidden_rows(m, t.bits, t.stride, low, high - low)
    for k in range(t.n_gibbs):
        draw_visible(m, &bits, &visible, key_of(t.seed, place.number, 2 * k + 1), low)
        find_hidden(m, &visible, &hidden)
        if t.n_chains or k + 1 < t.n_gibbs:
            draw_bits(m, &hidden, bits.at, key_of(t.seed, place.number, 2 * k + 2), low)
    m.net.kernels.standardize(&hidden, t.zeros, t.of_model[place.is_short])


# ---- strips ----------------------------------------------------------------------------------------------------------

cdef void _update_strips(learning *t, const step_place *place, int slice_) noexcept nogil:
    """Update a slice of the strips of all panels of hidden units, whose gradients are summed over data and chains."""
    cdef machine *m = t.m
    cdef long n = place.end - place.start, n_strips = ceil_divide(m.n_visible, FM_STRIP), panel
    cdef long rows = n + (t.n_chains if t.n_chains else n), n_panels = panels_of(&m.net, m.weights.outputs)
    cdef fm_rows visible = visible_rows(m, t.visible, t.stride, 0, rows)
    cdef fm_rows deltas = hidden_rows(m, t.deltas, t.stride, 0, rows)
    cdef fm_step step
    cdef fm_strips strips
    memset(&step, 0, sizeof(step))
    step.rule, step.first, step.last, step.scale = t.rule, True, True, 1
    fm_rule_prepare(t.rule, t.hyper + (place.number - t.step_count - 1) * t.hyper_step, <double> place.number,
                    step.constants)
    strips.layer, strips.step, strips.bias_step, strips.squares = &m.weights, &step, &step, NULL
    strips.first, strips.last = n_strips * slice_ // t.n_slices, n_strips * (slice_ + 1) // t.n_slices
    for panel in range(n_panels):
        # The weights of the last panel are visible biases.
        step.l2 = t.l2 if panel < n_panels - 1 else 0
        strips.panel, strips.panel_end = panel, panel + 1
        if strips.first < strips.last:
            m.net.kernels.update_dense(&strips, &visible, &deltas)
        if t.sparsity_cost != 0 and panel < n_panels - 1 and panel % t.n_slices == slice_:
            if m.net.itemsize == sizeof(float):
                _follow_activities(t, n, panel, <const float *> (t.deltas + panel * t.stride * FM_PANEL_BYTES))
            else:
                _follow_activities(t, n, panel, <const double *> (t.deltas + panel * t.stride * FM_PANEL_BYTES))


cdef void _follow_activities(learning *t, long n, long panel, const real *deltas) noexcept nogil:
    """Take into account how often a panel's hidden units were on in a batch of n rows, given the deltas of these."""
    cdef long length = t.m.net.panel, first = panel * length, k, r
    cdef real *rates = <real *> t.activities + first
    cdef real *shifts = <real *> t.shifts + first
    cdef double rate
    for k in range(min(length, t.m.n_hidden - first)):
        rate = shifts[k]
        for r in range(n):
            rate -= deltas[r * length + k]
        rates[k] = <real> (t.sparsity_decay * rates[k] + (1 - t.sparsity_decay) * rate)
        shifts[k] = <real> (t.sparsity_cost * (rates[k] - t.sparsity_target))
