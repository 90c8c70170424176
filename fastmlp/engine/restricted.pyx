"""Restricted Boltzmann machines: visible and hidden units, each of one kind joined to each of the other.

Given the ones, the others are independent of each other, so that many of them are drawn by one product. With weights W,
hidden biases b and visible biases c, a hidden unit is on with the probability logistic(v W + b); a visible unit with
logistic(h W^T + c) or, where visible units are normal, it has the mean h W^T + c and variance 1.

Rows are shared out among threads and do not need each other. Random numbers depend on a seed, the step and the row.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastmlp.engine.layers.inputs cimport add_csr_rows, find_csr_rows, gather_inputs
from fastmlp.engine.layout cimport packed_bytes, panels_of, plain_rows, right_operand, rows_at
from fastmlp.engine.memory cimport is_plain
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_activate_fn, fm_csr, fm_denormals_flush, fm_denormals_restore, fm_isa_kernels, fm_mask,
    fm_matrix, fm_source, real,
)
from fastmlp.engine.structs cimport CACHED_ROWS
from fastmlp.engine.tables cimport bits_of_type, index_of, isa_index_of, source_index_of
from fastmlp.engine.teams cimport team_size

from fastmlp.engine.tables import ACTIVATIONS

cnp.import_array()

# The bias of the unit that is always on: no sum of other terms moves it.
cdef double ALWAYS = 1e30
cdef double LOG_2 = 0.6931471805599453
cdef int SOFTPLUS = index_of(ACTIVATIONS, "softplus", "activation")


# What the rows of a call need, whatever is done to them. Arrays are in NumPy's order.
cdef struct row_work:
    row_source X             # visible units to read
    const char *hidden_given  # (n, n_hidden): hidden units to read
    char *out                # (n, width of what is written)
    double *sums             # (n,)
    long n
    char **visible           # (threads,): scratch memory of each, for CACHED_ROWS rows
    char **hidden
    char **values
    char **shifts            # (threads,): (1, n_visible)
    char **factors           # (threads,): (1, as many as any row has)
    uint64_t seed
    long start               # of the steps that are counted
    long n_steps
    const double *betas      # (n_steps + 1,)
    const char *base         # (1, n_visible): visible biases where beta is 0
    const char *difference   # (1, n_visible): the machine's less these
    const char *zeros        # (1, as many as any row has)


# Does the rows from low to before high, as one thread.
ctypedef void (*row_share)(const machine *m, const row_work *work, long low, long high, int thread) noexcept nogil


cdef class RestrictedMachine:
    """The weights and biases of a machine, and what follows from them.

    Parameters are a matrix of shape (n_visible + 1, n_hidden + 1): the weights, with the visible biases as a last
    column and the hidden biases as a last row. Where both meet there is nothing, which is read as nothing and written
    as 0.

    Parameters
    ----------
    n_visible, n_hidden : int
    dtype : float32 or float64
    normal : bool, default=False
        Whether visible units are normal, of variance 1, rather than bits.
    isa : str, default=None
        Instruction set; None is ISA.
    """

    def __init__(self, n_visible, n_hidden, dtype, *, normal=False, isa=None):
        cdef machine *m = &self.m
        self.memory = Memory()
        self.dtype = np.dtype(dtype)
        m.net.kernels = fm_isa_kernels(isa_index_of(isa), bits_of_type(dtype))
        m.net.element = source_index_of(self.dtype)
        m.net.itemsize = self.dtype.itemsize
        m.net.panel = FM_PANEL_BYTES // m.net.itemsize
        m.n_visible, m.n_hidden, m.is_normal = n_visible, n_hidden, normal
        if m.n_visible < 1 or m.n_hidden < 1:
            raise ValueError(f"expected at least one unit of each kind, got {n_visible} and {n_hidden}")
        m.on = panels_of(&m.net, m.n_hidden) * m.net.panel
        m.weights.inputs, m.weights.outputs = m.n_visible, m.on + 1
        m.weights.weights = self.memory.zeros(packed_bytes(&m.net, &m.weights))
        m.weights.transposed = self.memory.zeros(
            panels_of(&m.net, m.n_visible) * m.weights.outputs * FM_PANEL_BYTES)
        m.logistic.activate = m.net.kernels.activate[index_of(ACTIVATIONS, "logistic", "activation")]
        if not normal:
            m.visible_after = m.logistic

    @property
    def n_visible(self):
        return self.m.n_visible

    @property
    def n_hidden(self):
        return self.m.n_hidden

    # ---- parameters --------------------------------------------------------------------------------------------------

    def load(self, params):
        """Take the parameters."""
        cdef fm_layer *weights = &self.m.weights
        cdef char *bias = <char *> weights.weights + packed_bytes(&self.m.net, weights) - FM_PANEL_BYTES
        self.pack(params, weights, weights.weights)
        if self.m.net.itemsize == sizeof(float):
            (<float *> bias)[0] = <float> ALWAYS
        else:
            (<double *> bias)[0] = ALWAYS
        self.m.net.kernels.pack_transposed(weights.weights, weights.inputs, weights.outputs, weights.transposed)

    def store(self, params):
        """Write the parameters."""
        self.unpack(params, self.m.weights.weights)

    cdef int pack(self, array, fm_layer *layer, void *packed) except -1:
        """Put a matrix that is laid out as the parameters are where kernels read it."""
        cdef machine *m = &self.m
        cdef const char *flat = self.matrix(array, m.n_hidden + 1, "parameters")
        cdef long stride = layer.inputs + 1, n = m.n_hidden
        cdef fm_source plain = plain_rows(flat, array.strides[0])
        cdef fm_rows panels = rows_at(packed, stride, stride, n)
        m.net.kernels.gather[m.net.element](&plain, &panels)
        plain.x = flat + n * m.net.itemsize
        panels = rows_at(<char *> packed + m.on // m.net.panel * stride * FM_PANEL_BYTES, stride, stride - 1, 1)
        m.net.kernels.gather[m.net.element](&plain, &panels)
        memset(<char *> panels.at + (stride - 1) * FM_PANEL_BYTES, 0, FM_PANEL_BYTES)
        return 0

    cdef int unpack(self, array, const void *packed) except -1:
        """Write what is packed to a matrix that is laid out as the parameters are."""
        cdef machine *m = &self.m
        cdef char *flat = self.matrix(array, m.n_hidden + 1, "parameters")
        cdef long stride = m.weights.inputs + 1, n = m.n_hidden
        cdef fm_rows panels = rows_at(packed, stride, stride, n)
        if not array.flags.writeable:
            raise ValueError("expected an array that can be written to")
        m.net.kernels.scatter(&panels, flat, array.strides[0])
        panels = rows_at(<const char *> packed + m.on // m.net.panel * stride * FM_PANEL_BYTES, stride, stride - 1, 1)
        m.net.kernels.scatter(&panels, flat + n * m.net.itemsize, array.strides[0])
        array[stride - 1, n] = 0
        return 0

    cdef char *matrix(self, array, long width, str name) except? NULL:
        """Return where a contiguous matrix of the machine's type begins; that of parameters has a row for each input.
        """
        if not (is_plain(array) and array.dtype == self.dtype and array.ndim == 2 and array.shape[1] == width
                and (name != "parameters" or array.shape[0] == self.m.n_visible + 1)):
            raise ValueError(f"{name} must be a contiguous {self.dtype} matrix of {width} columns")
        return <char *> cnp.PyArray_DATA(array)

    cdef int check_rows(self, Rows rows) except -1:
        """Refuse rows that are none of visible units."""
        if rows.layout is not None or rows.source.n_features != self.m.n_visible:
            raise ValueError(f"expected rows of {self.m.n_visible} visible units, got {rows.source.n_features}")
        if rows.source.is_sparse and rows.source.element != self.m.net.element:
            raise ValueError(f"the data of a CSR matrix must be {self.dtype}, as the machine is")
        if not rows.is_canonical:
            raise ValueError("the indices of a CSR matrix must be sorted and without duplicates")
        return 0

    # ---- what follows from them --------------------------------------------------------------------------------------

    def hidden(self, Rows rows not None, *, n_threads=1):
        """Return the probabilities of hidden units being on, given visible ones: an array of shape (n, n_hidden)."""
        cdef row_work work
        memset(&work, 0, sizeof(work))
        self.check_rows(rows)
        out = np.empty((rows.source.n_rows, self.m.n_hidden), dtype=self.dtype)
        work.X, work.n, work.out = rows.source, rows.source.n_rows, <char *> cnp.PyArray_DATA(out)
        _share(&self.m, &work, _hidden_share, n_threads)
        return out

    def visible(self, hidden, *, n_threads=1):
        """Return the means of visible units, of bits the probabilities, given hidden ones: shape (n, n_visible).

        Parameters
        ----------
        hidden : ndarray of shape (n, n_hidden)
            Contiguous, of the machine's type.
        """
        cdef row_work work
        memset(&work, 0, sizeof(work))
        work.hidden_given = self.matrix(hidden, self.m.n_hidden, "hidden units")
        out = np.empty((len(hidden), self.m.n_visible), dtype=self.dtype)
        work.n, work.out = len(hidden), <char *> cnp.PyArray_DATA(out)
        _share(&self.m, &work, _visible_share, n_threads)
        return out

    def free_energies(self, Rows rows not None, *, n_threads=1):
        """Return the free energies of rows: -log of the sum over all hidden units of exp(-energy), in float64.

        For bits it is -v c - sum softplus(v W + b); for normal visible units the first term is (v - c)^2 / 2.
        """
        cdef row_work work
        memset(&work, 0, sizeof(work))
        self.check_rows(rows)
        out = np.zeros(rows.source.n_rows)
        work.X, work.n, work.sums = rows.source, rows.source.n_rows, <double *> cnp.PyArray_DATA(out)
        _share(&self.m, &work, _free_energy_share, n_threads)
        return out

    def gibbs(self, visible, long n_steps, *, long start=0, uint64_t seed=0, n_threads=1):
        """Take chains of visible units n_steps further, in place, each by hidden units and then visible ones.

        Parameters
        ----------
        visible : ndarray of shape (n, n_visible)
            Contiguous, of the machine's type.
        n_steps : int
        start : int, default=0
            The steps that were made before, with other random numbers of the same seed.
        seed : int, default=0
        """
        cdef row_work work
        memset(&work, 0, sizeof(work))
        _name_chains(self, visible, &work)
        work.start, work.n_steps, work.seed = start, n_steps, seed
        _share(&self.m, &work, _gibbs_share, n_threads)

    def anneal(self, visible, log_weights, betas, base, *, long start=0, uint64_t seed=0, n_threads=1):
        """Take chains from one inverse temperature to the next, for annealed importance sampling.

        At the inverse temperature beta a row of bits v has the weight exp(v (beta c + (1 - beta) base)) prod (1 +
        exp(beta (v W + b))); of normal units the first factor is exp(-(v - c)^2 / 2).

        Parameters
        ----------
        visible : ndarray of shape (n, n_visible)
            Chains at the first inverse temperature, which are taken to the last one in place.
        log_weights : ndarray of shape (n,), float64
            The logarithm of the weights' quotients is added to it.
        betas : ndarray of shape (n_temperatures,), float64
            Ascending, from 0 to 1.
        base : ndarray of shape (n_visible,)
            Visible biases for beta = 0, of the machine's type; of normal units the machine's own.
        start : int, default=0
            The number of the first of them among all, which tells random numbers of one seed apart.
        """
        cdef machine *m = &self.m
        cdef row_work work
        cdef fm_source plain
        cdef fm_rows row
        cdef long n_panels = panels_of(&m.net, m.n_visible), i
        cdef Memory memory = Memory()
        memset(&work, 0, sizeof(work))
        _name_chains(self, visible, &work)
        if not (is_plain(log_weights) and log_weights.dtype == np.float64 and log_weights.shape == (work.n,)
                and is_plain(betas) and betas.dtype == np.float64 and betas.ndim == 1 and betas.size
                and is_plain(base) and base.dtype == self.dtype and base.shape == (m.n_visible,)):
            raise ValueError("log_weights, betas and base must be contiguous vectors that fit the chains")
        work.sums, work.betas = <double *> cnp.PyArray_DATA(log_weights), <const double *> cnp.PyArray_DATA(betas)
        work.start, work.n_steps, work.seed = start, betas.size - 1, seed
        work.zeros = memory.zeros(max(n_panels, panels_of(&m.net, m.on)) * FM_PANEL_BYTES)
        difference = np.ascontiguousarray(self.visible_biases() - base)
        for i in range(2):
            plain = plain_rows(cnp.PyArray_DATA(difference if i else base), 0)
            row = rows_at(memory.zeros(n_panels * FM_PANEL_BYTES), 1, 1, m.n_visible)
            m.net.kernels.gather[m.net.element](&plain, &row)
            if i:
                work.difference = <const char *> row.at
            else:
                work.base = <const char *> row.at
        _share(m, &work, _anneal_share, n_threads)

    def visible_biases(self):
        """Return the visible biases."""
        cdef machine *m = &self.m
        out = np.empty(m.n_visible, dtype=self.dtype)
        cdef fm_rows row = rows_at(_biases_of(m), m.weights.outputs, 1, m.n_visible)
        m.net.kernels.scatter(&row, cnp.PyArray_DATA(out), 0)
        return out


cdef int _name_chains(RestrictedMachine self, visible, row_work *work) except -1:
    """Say where chains of visible units are, to be read and written."""
    cdef machine *m = &self.m
    work.out = self.matrix(visible, m.n_visible, "visible units")
    if not visible.flags.writeable:
        raise ValueError("expected chains that can be written to")
    work.n = len(visible)
    work.X.base, work.X.row_bytes = work.out, m.n_visible * m.net.itemsize
    work.X.element, work.X.n_features = m.net.element, m.n_visible
    return 0


# ---- units in panels -------------------------------------------------------------------------------------------------

cdef Py_ssize_t visible_bytes(const machine *m, long stride) noexcept nogil:
    """Return the size of a buffer of visible units with so many rows."""
    return panels_of(&m.net, m.n_visible) * stride * FM_PANEL_BYTES


cdef Py_ssize_t hidden_bytes(const machine *m, long stride) noexcept nogil:
    """Return the size of a buffer of hidden units with so many rows."""
    return panels_of(&m.net, m.weights.outputs) * stride * FM_PANEL_BYTES


cdef fm_rows visible_rows(const machine *m, char *buffer, long stride, long first, long n) noexcept nogil:
    """Return n rows from first on of a buffer of visible units."""
    return rows_at(buffer + first * FM_PANEL_BYTES, stride, n, m.n_visible)


cdef fm_rows hidden_rows(const machine *m, char *buffer, long stride, long first, long n) noexcept nogil:
    """Return n rows from first on of a buffer of hidden units, of which the last is always on."""
    return rows_at(buffer + first * FM_PANEL_BYTES, stride, n, m.weights.outputs)


cdef uint64_t key_of(uint64_t seed, long step, long draw) noexcept nogil:
    """Return the key of the random numbers of one drawing of a step."""
    cdef uint64_t of_step = seed + <uint64_t> step * <uint64_t> 0xd1342543de82ef95
    return of_step + <uint64_t> (draw + 1) * <uint64_t> 0xda942042e4dd58b5


cdef void gather_visible(const machine *m, const row_source *X, const int64_t *order, long start,
                         const fm_rows *to) noexcept nogil:
    """Read as many rows of X as there is room for: those from start on, or those that order names from there on."""
    cdef fm_csr csr
    cdef long panel
    if not X.is_sparse:
        gather_inputs(&m.net, X, order, start, to.rows, <char *> to.at, to.stride)
        return
    for panel in range(panels_of(&m.net, m.n_visible)):
        memset(<char *> to.at + panel * to.stride * FM_PANEL_BYTES, 0, to.rows * FM_PANEL_BYTES)
    find_csr_rows(&m.net, X, order, start, &csr)
    add_csr_rows(m.net.itemsize, &csr, to)


cdef void find_hidden(const machine *m, const fm_rows *visible, const fm_rows *hidden) noexcept nogil:
    """Write the probabilities of hidden units, given visible ones."""
    cdef fm_matrix weights = right_operand(m.weights.weights, m.n_visible, m.n_visible + 1, True)
    m.net.kernels.dense(visible, &weights, hidden, &m.logistic)


cdef void draw_bits(const machine *m, const fm_rows *chances, void *to, uint64_t key, long first) noexcept nogil:
    """Draw bits for rows from a first number on, and write them to a place that is laid out as they are."""
    cdef fm_mask mask
    mask.key, mask.row, mask.threshold, mask.scale = key, first, 0, 1
    m.net.kernels.bernoulli(chances, to, &mask)


cdef inline fm_matrix _transposed_weights(const machine *m) noexcept nogil:
    return right_operand(m.weights.transposed, m.weights.outputs, m.weights.outputs, False)


cdef void draw_visible(const machine *m, const fm_rows *hidden, const fm_rows *visible, uint64_t key,
                       long first) noexcept nogil:
    """Draw visible units, given hidden ones."""
    cdef fm_matrix weights = _transposed_weights(m)
    m.net.kernels.dense(hidden, &weights, visible, &m.visible_after)
    _draw_by_means(m, visible, key, first)


cdef void _draw_by_means(const machine *m, const fm_rows *visible, uint64_t key, long first) noexcept nogil:
    """Draw visible units in the place of their means."""
    cdef fm_mask mask
    if m.is_normal:
        mask.key, mask.row, mask.threshold, mask.scale = key, first, 0, 1
        m.net.kernels.add_noise(visible, &mask)
    else:
        draw_bits(m, visible, visible.at, key, first)


cdef inline const char *_biases_of(const machine *m) noexcept nogil:
    """Return where the transposed weights have the visible biases, the row of the unit that is always on."""
    return <const char *> m.weights.transposed + m.on * FM_PANEL_BYTES


# ---- sums over the units of rows -------------------------------------------------------------------------------------

cdef void _add_sums(const machine *m, const fm_rows *rows, long width, double factor, double *sums) noexcept nogil:
    """Add to the sum of each row its first units, times a factor."""
    if m.net.itemsize == sizeof(float):
        _add_sums_of(<const float *> rows.at, rows, m.net.panel, width, factor, sums)
    else:
        _add_sums_of(<const double *> rows.at, rows, m.net.panel, width, factor, sums)


cdef void _add_sums_of(const real *at, const fm_rows *rows, long length, long width, double factor,
                       double *sums) noexcept nogil:
    cdef long panel, r, k
    cdef const real *row
    cdef double total
    for r in range(rows.rows):
        total = 0
        for panel in range((width + length - 1) // length):
            row = at + (panel * rows.stride + r) * length
            for k in range(min(length, width - panel * length)):
                total += row[k]
        sums[r] += factor * total


cdef void _add_products(const machine *m, const fm_rows *rows, const char *vector, long step, double factor,
                        double *sums) noexcept nogil:
    """Add to the sum of each row its product with a vector, times a factor; step is the bytes between its panels."""
    if m.net.itemsize == sizeof(float):
        _add_products_of(<const float *> rows.at, rows, m.net.panel, <const float *> vector, step // sizeof(float),
                         factor, False, sums)
    else:
        _add_products_of(<const double *> rows.at, rows, m.net.panel, <const double *> vector, step // sizeof(double),
                         factor, False, sums)


cdef void _add_squares(const machine *m, const fm_rows *rows, const char *vector, long step, double factor,
                       double *sums) noexcept nogil:
    """Add to the sum of each row its squared distance from a vector, times a factor."""
    if m.net.itemsize == sizeof(float):
        _add_products_of(<const float *> rows.at, rows, m.net.panel, <const float *> vector, step // sizeof(float),
                         factor, True, sums)
    else:
        _add_products_of(<const double *> rows.at, rows, m.net.panel, <const double *> vector, step // sizeof(double),
                         factor, True, sums)


cdef void _add_products_of(const real *at, const fm_rows *rows, long length, const real *vector, long step,
                           double factor, bint squared, double *sums) noexcept nogil:
    cdef long panel, r, k, n
    cdef const real *row
    cdef const real *of
    cdef double total, distance
    for r in range(rows.rows):
        total = 0
        for panel in range((rows.width + length - 1) // length):
            row, of = at + (panel * rows.stride + r) * length, vector + panel * step
            n = min(length, rows.width - panel * length)
            if squared:
                for k in range(n):
                    distance = <double> row[k] - of[k]
                    total += distance * distance
            else:
                for k in range(n):
                    total += <double> row[k] * of[k]
        sums[r] += factor * total


# ---- shares of rows --------------------------------------------------------------------------------------------------

cdef int _share(const machine *m, row_work *work, row_share share, n_threads) except -1:
    """Share the rows of a call out among threads, each of which gets scratch memory."""
    cdef int team = team_size(n_threads), thread
    cdef long n = work.n, n_panels = panels_of(&m.net, m.n_visible)
    cdef Memory memory = Memory()
    team = <int> max(1, min(team, n))
    work.visible = <char **> memory.zeros(team * sizeof(char *))
    work.hidden = <char **> memory.zeros(team * sizeof(char *))
    work.values = <char **> memory.zeros(team * sizeof(char *))
    work.shifts = <char **> memory.zeros(team * sizeof(char *))
    work.factors = <char **> memory.zeros(team * sizeof(char *))
    for thread in range(team):
        work.visible[thread] = memory.zeros(visible_bytes(m, CACHED_ROWS))
        work.hidden[thread] = memory.zeros(hidden_bytes(m, CACHED_ROWS))
        work.values[thread] = memory.zeros(hidden_bytes(m, CACHED_ROWS))
        work.shifts[thread] = memory.zeros(n_panels * FM_PANEL_BYTES)
        work.factors[thread] = memory.zeros(max(n_panels, panels_of(&m.net, m.weights.outputs)) * FM_PANEL_BYTES)
    if team == 1:
        # Without OpenMP: a process forked from one that had a team must not enter it.
        with nogil:
            _do_share(m, work, share, 0, 1)
    else:
        for thread in prange(team, num_threads=team, schedule="static", chunksize=1, nogil=True):
            _do_share(m, work, share, thread, team)
    return 0


cdef void _do_share(const machine *m, const row_work *work, row_share share, int thread, int team) noexcept nogil:
    """Do one thread's rows, as many at a time as stay in the cache."""
    cdef unsigned mode = fm_denormals_flush()
    cdef long low = work.n * thread // team, end = work.n * (thread + 1) // team, high
    while low < end:
        high = min(end, low + CACHED_ROWS)
        share(m, work, low, high, thread)
        low = high
    fm_denormals_restore(mode)


cdef void _hidden_share(const machine *m, const row_work *work, long low, long high, int thread) noexcept nogil:
    cdef long n = high - low
    cdef Py_ssize_t row_bytes = m.n_hidden * m.net.itemsize
    cdef fm_rows visible = visible_rows(m, work.visible[thread], CACHED_ROWS, 0, n)
    cdef fm_rows hidden = hidden_rows(m, work.hidden[thread], CACHED_ROWS, 0, n)
    gather_visible(m, &work.X, NULL, low, &visible)
    find_hidden(m, &visible, &hidden)
    hidden.width = m.n_hidden
    m.net.kernels.scatter(&hidden, work.out + low * row_bytes, row_bytes)


cdef void _visible_share(const machine *m, const row_work *work, long low, long high, int thread) noexcept nogil:
    cdef long n = high - low
    cdef Py_ssize_t row_bytes = m.n_visible * m.net.itemsize, given_bytes = m.n_hidden * m.net.itemsize
    cdef fm_rows visible = visible_rows(m, work.visible[thread], CACHED_ROWS, 0, n)
    cdef fm_rows hidden = hidden_rows(m, work.hidden[thread], CACHED_ROWS, 0, n)
    cdef fm_matrix weights = _transposed_weights(m)
    cdef fm_source given = plain_rows(work.hidden_given + low * given_bytes, given_bytes)
    hidden.width = m.n_hidden
    m.net.kernels.gather[m.net.element](&given, &hidden)
    hidden.width = m.weights.outputs
    switch_on(m, &hidden)
    m.net.kernels.dense(&hidden, &weights, &visible, &m.visible_after)
    m.net.kernels.scatter(&visible, work.out + low * row_bytes, row_bytes)


cdef void _find_sums(const machine *m, const fm_rows *visible, const fm_rows *hidden) noexcept nogil:
    """Write v W + b of the hidden units, but for that which is always on."""
    cdef fm_matrix weights = right_operand(m.weights.weights, m.n_visible, m.n_visible + 1, True)
    cdef fm_rows sums = rows_at(hidden.at, hidden.stride, hidden.rows, m.on)
    cdef fm_after nothing
    memset(&nothing, 0, sizeof(nothing))
    m.net.kernels.dense(visible, &weights, &sums, &nothing)


cdef void _add_softplus(const machine *m, const fm_rows *hidden, char *scratch, double beta, double factor,
                        double *sums) noexcept nogil:
    """Add the sums over hidden units of softplus(beta z), times a factor, given z; it is made in scratch memory."""
    cdef long panel, r
    cdef Py_ssize_t panel_bytes = hidden.stride * FM_PANEL_BYTES
    cdef fm_rows values = rows_at(scratch, hidden.stride, hidden.rows, m.on)
    cdef fm_activate_fn softplus = m.net.kernels.activate[SOFTPLUS]
    if beta == 0:
        for r in range(hidden.rows):
            sums[r] += factor * LOG_2 * m.n_hidden
        return
    for panel in range(m.on // m.net.panel):
        memcpy(scratch + panel * panel_bytes, <const char *> hidden.at + panel * panel_bytes,
               hidden.rows * FM_PANEL_BYTES)
        # The activation divides by its parameter.
        softplus(hidden.rows, scratch + panel * panel_bytes, NULL, NULL, NULL, beta)
    _add_sums(m, &values, m.n_hidden, factor * beta, sums)


cdef void _free_energy_share(const machine *m, const row_work *work, long low, long high, int thread) noexcept nogil:
    cdef long n = high - low
    cdef fm_rows visible = visible_rows(m, work.visible[thread], CACHED_ROWS, 0, n)
    cdef fm_rows hidden = hidden_rows(m, work.hidden[thread], CACHED_ROWS, 0, n)
    gather_visible(m, &work.X, NULL, low, &visible)
    _find_sums(m, &visible, &hidden)
    _add_softplus(m, &hidden, work.values[thread], 1, -1, work.sums + low)
    if m.is_normal:
        _add_squares(m, &visible, _biases_of(m), m.weights.outputs * FM_PANEL_BYTES, 0.5, work.sums + low)
    else:
        _add_products(m, &visible, _biases_of(m), m.weights.outputs * FM_PANEL_BYTES, -1, work.sums + low)


cdef void _gibbs_share(const machine *m, const row_work *work, long low, long high, int thread) noexcept nogil:
    cdef long n = high - low, step
    cdef fm_rows visible = visible_rows(m, work.visible[thread], CACHED_ROWS, 0, n)
    cdef fm_rows hidden = hidden_rows(m, work.hidden[thread], CACHED_ROWS, 0, n)
    gather_visible(m, &work.X, NULL, low, &visible)
    for step in range(work.start, work.start + work.n_steps):
        find_hidden(m, &visible, &hidden)
        draw_bits(m, &hidden, hidden.at, key_of(work.seed, step, 0), low)
        draw_visible(m, &hidden, &visible, key_of(work.seed, step, 1), low)
    m.net.kernels.scatter(&visible, work.out + low * work.X.row_bytes, work.X.row_bytes)


cdef void _anneal_share(const machine *m, const row_work *work, long low, long high, int thread) noexcept nogil:
    cdef long n = high - low, i, n_panels = panels_of(&m.net, m.n_visible)
    cdef double beta, next_beta
    cdef double *sums = work.sums + low
    cdef fm_rows visible = visible_rows(m, work.visible[thread], CACHED_ROWS, 0, n)
    cdef fm_rows hidden = hidden_rows(m, work.hidden[thread], CACHED_ROWS, 0, n)
    cdef fm_rows sometimes_on = rows_at(hidden.at, hidden.stride, n, m.on)
    cdef fm_rows factors = rows_at(work.factors[thread], 1, 1, max(m.on, m.n_visible))
    cdef fm_rows shifts = rows_at(work.shifts[thread], 1, 1, m.n_visible)
    cdef fm_matrix weights = _transposed_weights(m)
    cdef fm_after nothing
    memset(&nothing, 0, sizeof(nothing))
    gather_visible(m, &work.X, NULL, low, &visible)
    for i in range(work.n_steps):
        beta, next_beta = work.betas[i], work.betas[i + 1]
        _find_sums(m, &visible, &hidden)
        _add_softplus(m, &hidden, work.values[thread], beta, -1, sums)
        _add_softplus(m, &hidden, work.values[thread], next_beta, 1, sums)
        if not m.is_normal:
            _add_products(m, &visible, work.difference, FM_PANEL_BYTES, next_beta - beta, sums)
        _fill(m, &factors, next_beta)
        m.net.kernels.standardize(&sometimes_on, work.zeros, factors.at)
        _activate(m, &sometimes_on, &m.logistic)
        draw_bits(m, &sometimes_on, hidden.at, key_of(work.seed, work.start + i, 0), low)
        switch_on(m, &hidden)
        m.net.kernels.dense(&hidden, &weights, &visible, &nothing)
        # beta (h W^T + c) + (1 - beta) base
        memcpy(shifts.at, work.base, n_panels * FM_PANEL_BYTES)
        _fill(m, &factors, -(1 - next_beta) / next_beta)
        m.net.kernels.standardize(&shifts, work.zeros, factors.at)
        _fill(m, &factors, next_beta)
        m.net.kernels.standardize(&visible, shifts.at, factors.at)
        _activate(m, &visible, &m.visible_after)
        _draw_by_means(m, &visible, key_of(work.seed, work.start + i, 1), low)
    m.net.kernels.scatter(&visible, work.out + low * work.X.row_bytes, work.X.row_bytes)


cdef void _activate(const machine *m, const fm_rows *rows, const fm_after *after) noexcept nogil:
    """Do to rows what comes after a product."""
    cdef long panel
    if after.activate != NULL:
        for panel in range(panels_of(&m.net, rows.width)):
            after.activate(rows.rows, <char *> rows.at + panel * rows.stride * FM_PANEL_BYTES, NULL, NULL, NULL, 0)


cdef void _fill(const machine *m, const fm_rows *row, double value) noexcept nogil:
    """Set all elements of a vector, padding included, to a value."""
    cdef long i, n = panels_of(&m.net, row.width) * m.net.panel
    if m.net.itemsize == sizeof(float):
        for i in range(n):
            (<float *> row.at)[i] = <float> value
    else:
        for i in range(n):
            (<double *> row.at)[i] = value


cdef void switch_on(const machine *m, const fm_rows *hidden) noexcept nogil:
    """Switch the unit on that always is, in hidden units that no product has made."""
    cdef char *on = <char *> hidden.at + m.on // m.net.panel * hidden.stride * FM_PANEL_BYTES
    cdef long r
    for r in range(hidden.rows):
        if m.net.itemsize == sizeof(float):
            (<float *> (on + r * FM_PANEL_BYTES))[0] = 1
        else:
            (<double *> (on + r * FM_PANEL_BYTES))[0] = 1
