"""Spikes of a reservoir of leaky integrate-and-fire units over time, and their traces."""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from fastmlp.engine.memory cimport Memory
from fastmlp.engine.native cimport fm_denormals_flush, fm_denormals_restore
from fastmlp.engine.reservoir cimport check_lengths
from fastmlp.engine.teams cimport team_size

from fastmlp.engine.rows import check_compressed

cnp.import_array()

# The vectors that a sequence keeps from step to step: the membrane's potential, the currents of excitatory, inhibitory
# and input synapses, what arrived at the first two in the last step, and the trace.
cdef long N_VECTORS = 7
VECTORS = N_VECTORS


cdef struct liquid:
    long units
    long excitatory
    const int64_t *starts
    const int32_t *targets
    const double *weights
    double kept_potential
    double kept_excitation
    double kept_inhibition
    double kept_input
    double kept_trace
    double threshold
    double reset
    double background
    int32_t rest_excitatory
    int32_t rest_inhibitory


def liquid_traces(indptr, indices, const double[::1] weights, long n_excitatory, settings, double[:, ::1] drive,
                  const int64_t[::1] lengths, double[:, :, ::1] states, int32_t[:, ::1] resting, *, int n_threads=1):
    """Take sequences through a reservoir of spiking units, and write the traces of their spikes over the drive.

    In each step a unit's currents fade by their factors, and what arrives is added to them: the weights of the units
    that spiked one step before, and the drive. Unless the unit rests, its potential becomes
    ``kept V + (1 - kept) (background + currents)``; from the threshold on it spikes, is reset and rests. A trace fades
    by its factor, too, and a spike adds 1 to it. It runs without the GIL, and n_threads changes nothing.

    Parameters
    ----------
    indptr : ndarray of int64 of shape (n_units + 1,)
    indices : ndarray of int32 of shape (n_weights,)
    weights : memoryview of float64 of shape (n_weights,)
        As a CSR matrix: a row holds the weights from one unit to others.
    n_excitatory : int
        The first units are excitatory, the others inhibitory; the two kinds have currents of their own.
    settings : dict of str to float
        kept_potential, kept_excitation, kept_inhibition, kept_input, kept_trace: what a step leaves of each.
        threshold, reset, background. rest_excitatory, rest_inhibitory: steps that a unit rests after a spike.
    drive : memoryview of float64 of shape (n_steps, n_units)
        What the inputs add to the current of each unit, the sequences one after another. It becomes the traces.
    lengths : memoryview of int64 of shape (n_sequences,)
    states : memoryview of float64 of shape (n_sequences, VECTORS, n_units)
        The vectors before the first step, which become those after the last one: the potential, the currents of
        excitatory, inhibitory and input synapses, what arrives at the first two of these, the trace.
    resting : memoryview of int32 of shape (n_sequences, n_units)
        The steps that each unit has yet to rest.
    n_threads : int, default=1
        Sequences are shared out.

    Returns
    -------
    n_spikes : ndarray of int64 of shape (n_sequences,)

    Raises
    ------
    ValueError
        When the arrays' shapes contradict each other.
    """
    cdef long n_sequences = lengths.shape[0], n_units = drive.shape[1], s
    cdef liquid net
    if not check_compressed(indptr, indices, weights.shape[0], n_units, n_units, "W") or indices.dtype != np.int32:
        raise ValueError("the indices of W must be int32, and ascend in each row")
    check_lengths(lengths, drive.shape[0])
    if (states.shape[0], states.shape[1], states.shape[2]) != (n_sequences, N_VECTORS, n_units):
        raise ValueError(f"states must be of shape ({n_sequences}, {N_VECTORS}, {n_units})")
    if (resting.shape[0], resting.shape[1]) != (n_sequences, n_units):
        raise ValueError(f"resting must be of shape ({n_sequences}, {n_units})")
    if not 0 <= n_excitatory <= n_units:
        raise ValueError(f"n_excitatory must be from 0 to {n_units}, got {n_excitatory}")
    n_threads = team_size(n_threads)
    spikes = np.zeros(n_sequences, dtype=np.int64)
    if not n_sequences or not n_units or not drive.shape[0]:
        return spikes
    cdef const int64_t[::1] starts = indptr
    cdef const int32_t[::1] targets = indices
    net.units, net.excitatory, net.starts = n_units, n_excitatory, &starts[0]
    net.targets = &targets[0] if targets.shape[0] else NULL
    net.weights = &weights[0] if weights.shape[0] else NULL
    net.kept_potential, net.kept_trace = settings["kept_potential"], settings["kept_trace"]
    net.kept_excitation, net.kept_inhibition = settings["kept_excitation"], settings["kept_inhibition"]
    net.kept_input, net.background = settings["kept_input"], settings["background"]
    net.threshold, net.reset = settings["threshold"], settings["reset"]
    net.rest_excitatory, net.rest_inhibitory = settings["rest_excitatory"], settings["rest_inhibitory"]
    cdef Memory memory = Memory()
    cdef int64_t *offsets = <int64_t *> memory.zeros((n_sequences + 1) * sizeof(int64_t))
    for s in range(n_sequences):
        offsets[s + 1] = offsets[s] + lengths[s]
    cdef int64_t *counts = <int64_t *> cnp.PyArray_DATA(spikes)
    with nogil:
        if n_threads == 1 or n_sequences == 1:
            for s in range(n_sequences):
                counts[s] = _run(&net, &drive[0, 0] + offsets[s] * n_units, lengths[s], &states[s, 0, 0],
                                 &resting[s, 0])
        else:
            for s in prange(n_sequences, num_threads=n_threads, schedule="dynamic", chunksize=1):
                counts[s] = _run(&net, &drive[0, 0] + offsets[s] * n_units, lengths[s], &states[s, 0, 0],
                                 &resting[s, 0])
    return spikes


cdef int64_t _run(const liquid *net, double *drive, long steps, double *state, int32_t *resting) noexcept nogil:
    """Take one sequence through all its steps, and return how many spikes there were."""
    cdef long units = net.units, t, i, k
    cdef int64_t n_spikes = 0
    cdef double raised = 1 - net.kept_potential, current
    cdef double *potential = state
    cdef double *excitation = state + units
    cdef double *inhibition = state + 2 * units
    cdef double *inputs = state + 3 * units
    cdef double *arrived = state + 4 * units  # from excitatory units, and then from inhibitory ones
    cdef double *trace = state + 6 * units
    cdef double *row
    cdef double *to
    cdef unsigned mode = fm_denormals_flush()
    for t in range(steps):
        row = drive + t * units
        for i in range(units):
            excitation[i] = net.kept_excitation * excitation[i] + arrived[i]
            inhibition[i] = net.kept_inhibition * inhibition[i] + arrived[units + i]
            inputs[i] = net.kept_input * inputs[i] + row[i]
            trace[i] *= net.kept_trace
        memset(arrived, 0, 2 * units * sizeof(double))
        for i in range(units):
            if resting[i] > 0:
                resting[i] -= 1
            else:
                current = net.background + ((excitation[i] + inhibition[i]) + inputs[i])
                potential[i] = net.kept_potential * potential[i] + raised * current
                if potential[i] >= net.threshold:
                    potential[i] = net.reset
                    resting[i] = net.rest_excitatory if i < net.excitatory else net.rest_inhibitory
                    trace[i] += 1
                    n_spikes += 1
                    to = arrived if i < net.excitatory else arrived + units
                    for k in range(net.starts[i], net.starts[i + 1]):
                        to[net.targets[k]] += net.weights[k]
            row[i] = trace[i]
    fm_denormals_restore(mode)
    return n_spikes
