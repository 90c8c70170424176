"""States of a reservoir of leaky tanh units over time, driven by inputs, by targets or by its own outputs."""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from fastmlp.engine.memory cimport Memory, ceil_divide
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_activate_fn, fm_denormals_flush, fm_denormals_restore, fm_isa_kernels,
)
from fastmlp.engine.tables cimport index_of, isa_index_of
from fastmlp.engine.teams cimport team_size

from fastmlp.engine.rows import check_compressed
from fastmlp.engine.tables import ACTIVATIONS

cnp.import_array()

# At most so many sequences go through the reservoir side by side. Each weight is read once for all of them.
cdef long MOST_LANES = 8


cdef struct reservoir:
    fm_activate_fn tanh
    double leak
    long units
    long outputs
    const int64_t *starts
    const int32_t *inputs
    const double *weights
    # NULL where no outputs are fed back, where outputs are not made but given, or where none are passed on.
    const double *feedback
    const double *readout
    const double *passed_on


cdef struct lane:
    # A sequence on its way, and where it lies: its drive, which becomes its states, and its outputs.
    long steps
    double *drive
    double *outputs
    double *state
    double *last


cdef struct group:
    long lanes
    lane *sequences
    # Two vectors of states and two of outputs, of which unit or output i of sequence seq has the place i * lanes + seq.
    double *state
    double *raised
    double *last
    double *output
    # What stands in for the drive and the outputs of a lane that has no step.
    double *nothing


def echo_states(indptr, indices, const double[::1] weights, double leak, double[:, ::1] drive,
                const int64_t[::1] lengths, double[:, ::1] states, *, const double[:, ::1] feedback=None,
                double[:, ::1] outputs=None, double[:, ::1] last_outputs=None, const double[:, ::1] readout=None,
                const double[:, ::1] passed_on=None, isa=None, int n_threads=1):
    """Take sequences through a reservoir: x(t) = (1 - leak) x(t-1) + leak tanh(drive(t) + W x(t-1) + F' y(t-1)).

    The outputs y are given, or made by a readout: y(t) = outputs(t) + R' x(t) + P' y(t-1). All arrays but the weights
    are written in place. It runs without the GIL; what it writes depends neither on n_threads nor on which sequences
    are taken together.

    Parameters
    ----------
    indptr : ndarray of int64 of shape (n_units + 1,)
    indices : ndarray of int32 of shape (n_weights,)
    weights : memoryview of float64 of shape (n_weights,)
        W as a CSR matrix: a row holds the weights into one unit.
    leak : float
    drive : memoryview of float64 of shape (n_steps, n_units)
        What inputs, biases and noise add to each unit, the sequences one after another. It becomes the states.
    lengths : memoryview of int64 of shape (n_sequences,)
        The number of steps of each sequence.
    states : memoryview of float64 of shape (n_sequences, n_units)
        The states before the first step. They become those after the last one.
    feedback : memoryview of float64 of shape (n_outputs, n_units), default=None
        F.
    outputs : memoryview of float64 of shape (n_steps, n_outputs), default=None
        The outputs, or with a readout that part of them which is known beforehand; then it becomes the outputs.
    last_outputs : memoryview of float64 of shape (n_sequences, n_outputs), default=None
        The outputs before the first step. They become those of the last one.
    readout : memoryview of float64 of shape (n_units, n_outputs), default=None
        R.
    passed_on : memoryview of float64 of shape (n_outputs, n_outputs), default=None
        P, what a readout takes of its own last outputs.
    isa : str, default=None
    n_threads : int, default=1
        Sequences are shared out.

    Raises
    ------
    ValueError
        When the arrays' shapes contradict each other.
    """
    cdef long n_sequences = lengths.shape[0], n_units = drive.shape[1], n_outputs = 0, s, i, first, size, n_groups
    cdef reservoir net
    cdef Memory memory = Memory()
    if not check_compressed(indptr, indices, weights.shape[0], n_units, n_units, "W") or indices.dtype != np.int32:
        raise ValueError("the indices of W must be int32, and ascend in each row")
    check_lengths(lengths, drive.shape[0])
    _check_shape("states", states, n_sequences, n_units)
    n_threads = team_size(n_threads)
    if outputs is not None:
        n_outputs = outputs.shape[1]
        _check_shape("outputs", outputs, drive.shape[0], n_outputs)
        _check_shape("last_outputs", last_outputs, n_sequences, n_outputs)
        if feedback is not None:
            _check_shape("feedback", feedback, n_outputs, n_units)
        if readout is not None:
            _check_shape("readout", readout, n_units, n_outputs)
        if passed_on is not None:
            _check_shape("passed_on", passed_on, n_outputs, n_outputs)
    elif feedback is not None or readout is not None or passed_on is not None:
        raise ValueError("there must be outputs for feedback, for a readout, and to be passed on")
    if not n_sequences or not n_units or not drive.shape[0]:
        return
    cdef const int64_t[::1] starts = indptr
    cdef const int32_t[::1] columns = indices
    net.tanh = fm_isa_kernels(isa_index_of(isa), 64).activate[index_of(ACTIVATIONS, "tanh", "activation")]
    net.leak, net.units, net.outputs, net.starts = leak, n_units, n_outputs, &starts[0]
    net.inputs = &columns[0] if columns.shape[0] else NULL
    net.weights = &weights[0] if weights.shape[0] else NULL
    net.feedback = &feedback[0, 0] if feedback is not None and n_outputs else NULL
    net.readout = &readout[0, 0] if readout is not None and n_outputs else NULL
    net.passed_on = &passed_on[0, 0] if passed_on is not None and n_outputs else NULL

    # Sequences of similar lengths go together, so that hardly any lane is empty before the others.
    order = np.argsort(-np.asarray(lengths), kind="stable")
    cdef const int64_t[::1] by_length = order
    cdef int64_t[::1] offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    cdef lane *sequences = <lane *> memory.zeros(n_sequences * sizeof(lane))
    for i in range(n_sequences):
        s = by_length[i]
        sequences[i].steps = lengths[s]
        sequences[i].drive = &drive[0, 0] + offsets[s] * n_units
        sequences[i].state = &states[s, 0]
        if n_outputs:
            sequences[i].outputs = &outputs[0, 0] + offsets[s] * n_outputs
            sequences[i].last = &last_outputs[s, 0]
    size = max(1, min(MOST_LANES, ceil_divide(n_sequences, n_threads)))
    while size & (size - 1):
        size += size & -size  # the next power of two
    n_groups = ceil_divide(n_sequences, size)
    cdef group *groups = <group *> memory.zeros(n_groups * sizeof(group))
    for i in range(n_groups):
        first = i * size
        groups[i].lanes, groups[i].sequences = min(size, n_sequences - first), sequences + first
        groups[i].state = <double *> memory.zeros(_vector_bytes(n_units * size))
        groups[i].raised = <double *> memory.zeros(_vector_bytes(n_units * size))
        groups[i].last = <double *> memory.zeros(_vector_bytes(n_outputs * size))
        groups[i].output = <double *> memory.zeros(_vector_bytes(n_outputs * size))
        groups[i].nothing = <double *> memory.zeros(_vector_bytes(max(n_units, n_outputs)))
    with nogil:
        if n_threads == 1 or n_groups == 1:
            for i in range(n_groups):
                _run(&net, &groups[i], size)
        else:
            for i in prange(n_groups, num_threads=n_threads, schedule="dynamic", chunksize=1):
                _run(&net, &groups[i], size)


cdef int _check_shape(what, const double[:, ::1] array, long rows, long width) except -1:
    """Refuse an array of another shape."""
    if array is None or (array.shape[0], array.shape[1]) != (rows, width):
        raise ValueError(f"{what} must be of shape ({rows}, {width})")
    return 0


cdef int check_lengths(const int64_t[::1] lengths, long n_steps) except -1:
    """Refuse lengths of sequences that are not those of so many steps."""
    cdef long s, left = n_steps
    for s in range(lengths.shape[0]):
        if not 0 <= lengths[s] <= left:
            raise ValueError(f"the lengths of the sequences must be those of {n_steps} steps")
        left -= lengths[s]
    if left:
        raise ValueError(f"the lengths of the sequences must be those of {n_steps} steps")
    return 0


cdef inline Py_ssize_t _vector_bytes(long n) noexcept nogil:
    """Return the bytes of a vector that is made of whole rows of a panel, as activations take it."""
    return ceil_divide(n * sizeof(double), FM_PANEL_BYTES) * FM_PANEL_BYTES


cdef void _run(const reservoir *net, group *sequences, long lanes) noexcept nogil:
    """Take a group of sequences through all their steps; the compiler makes a loop for each number of lanes."""
    cdef unsigned mode = fm_denormals_flush()
    if lanes == 1:
        _run_lanes(net, sequences, 1)
    elif lanes == 2:
        _run_lanes(net, sequences, 2)
    elif lanes == 4:
        _run_lanes(net, sequences, 4)
    else:
        _run_lanes(net, sequences, 8)
    fm_denormals_restore(mode)


cdef inline void _run_lanes(const reservoir *net, group *g, const long lanes) noexcept nogil:
    """Take a group of up to so many sequences through all their steps; lanes without a step are computed, not kept."""
    cdef long units = net.units, t, seq, i
    cdef double kept = 1 - net.leak, leak = net.leak
    cdef lane *sequence
    cdef double *drives[8]
    cdef double *outputs[8]
    for seq in range(lanes):
        drives[seq], outputs[seq] = g.nothing, g.nothing
    for seq in range(g.lanes):
        for i in range(units):
            g.state[i * lanes + seq] = g.sequences[seq].state[i]
        for i in range(net.outputs):
            g.last[i * lanes + seq] = g.sequences[seq].last[i]
    for t in range(g.sequences[0].steps):  # the longest one is the first
        for seq in range(g.lanes):
            sequence = &g.sequences[seq]
            drives[seq] = sequence.drive + t * units if t < sequence.steps else g.nothing
            outputs[seq] = sequence.outputs + t * net.outputs if t < sequence.steps else g.nothing
        _spread(drives, units, g.raised, lanes)
        _spread(outputs, net.outputs, g.output, lanes)
        _add_recurrent(net, g, lanes)
        if net.feedback != NULL:
            _add_product(net.feedback, net.outputs, units, g.last, g.raised, lanes)
        net.tanh(ceil_divide(units * lanes * <long> sizeof(double), FM_PANEL_BYTES), g.raised, NULL, NULL, NULL, 0)
        for i in range(units * lanes):
            g.state[i] = kept * g.state[i] + leak * g.raised[i]
        if net.readout != NULL:
            _add_product(net.readout, units, net.outputs, g.state, g.output, lanes)
        if net.passed_on != NULL:
            _add_product(net.passed_on, net.outputs, net.outputs, g.last, g.output, lanes)
        memcpy(g.last, g.output, net.outputs * lanes * sizeof(double))
        _collect(g.state, lanes, units, drives)
        if net.readout != NULL:
            _collect(g.output, lanes, net.outputs, outputs)
        for seq in range(g.lanes):
            sequence = &g.sequences[seq]
            if t == sequence.steps - 1:
                for i in range(units):
                    sequence.state[i] = g.state[i * lanes + seq]
                for i in range(net.outputs):
                    sequence.last[i] = g.last[i * lanes + seq]


cdef inline void _spread(double **rows, long n, double *to, const long lanes) noexcept nogil:
    """Write each row's values to every lanes-th place, the rows side by side."""
    cdef long i, seq
    for i in range(n):
        for seq in range(lanes):
            to[i * lanes + seq] = rows[seq][i]


cdef inline void _collect(const double *values, const long lanes, long n, double **rows) noexcept nogil:
    """Write every lanes-th value to a row, the rows side by side."""
    cdef long i, seq
    for i in range(n):
        for seq in range(lanes):
            rows[seq][i] = values[i * lanes + seq]


cdef inline void _add_recurrent(const reservoir *net, group *g, const long lanes) noexcept nogil:
    """Add to each unit's value the states of others by its weights: one sum in ascending order for each sequence."""
    cdef long i, k, seq
    cdef double weight
    cdef const double *state
    cdef double[8] sums
    for i in range(net.units):
        for seq in range(lanes):
            sums[seq] = 0
        for k in range(net.starts[i], net.starts[i + 1]):
            weight = net.weights[k]
            state = g.state + net.inputs[k] * lanes
            for seq in range(lanes):
                sums[seq] += weight * state[seq]
        for seq in range(lanes):
            g.raised[i * lanes + seq] += sums[seq]


cdef inline void _add_product(const double *matrix, long depth, long width, const double *values, double *to,
                              const long lanes) noexcept nogil:
    """Add values times a matrix of shape (depth, width), for each sequence; sums are in ascending order of depth."""
    cdef long i, j, seq
    cdef double weight
    for i in range(depth):
        for j in range(width):
            weight = matrix[i * width + j]
            for seq in range(lanes):
                to[j * lanes + seq] += weight * values[i * lanes + seq]
