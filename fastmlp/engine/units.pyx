"""Networks of units that are updated one after another: recall, and Gibbs sampling at a temperature.

Every unit has one of two values, 1 or a lower one. Its field is the sum of its inputs: its bias, and the other units'
values times the weights. The fields of all units are kept up to date, so that looking at a unit costs nothing, and a
change of one costs the addition of a row of weights.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport prange
from libc.float cimport DBL_EPSILON
from libc.math cimport exp, fabs
from libc.stdint cimport int64_t, uint64_t

from fastmlp.engine.memory cimport Memory, are_within, ceil_divide
from fastmlp.engine.teams cimport team_size

from fastmlp.engine.panels import matmul

cnp.import_array()

# A thread takes so many states through a sweep together, since they want the same rows of weights in the same order.
cdef enum:
    STATES_TOGETHER = 16
# What random numbers are made of: an odd number that is spread over all bits, and what tells orders from other draws.
cdef uint64_t SPREAD = 0x9e3779b97f4a7c15u
cdef uint64_t OF_ORDERS = 0x5bd1e9955bd1e995u


cdef struct problem:
    # All states, their fields and all units' weights are rows of n_all numbers.
    long n_all, n_units, n_sweeps, every, n_records
    const double *weights
    const double *biases
    # By how much a change of a unit must lower the energy: less is rounding.
    const double *least
    const int64_t *units
    const double *temperatures
    # From this sweep on the temperature is 0, so that a state in which nothing changes stays as it is.
    long cold
    double low
    uint64_t seed, first_sweep
    const uint64_t *keys
    double *states
    double *fields
    double *energies
    int64_t *sweeps
    bint *settled


cdef inline uint64_t mixed(uint64_t x) noexcept nogil:
    """Mix the 64 bits of a number well; this is the finaliser of SplitMix64."""
    x = (x ^ x >> 30) * <uint64_t> 0xbf58476d1ce4e5b9u
    x = (x ^ x >> 27) * <uint64_t> 0x94d049bb133111ebu
    return x ^ x >> 31


cdef inline uint64_t counted(uint64_t key, uint64_t count) noexcept nogil:
    """Return random number count of a key."""
    return mixed(key + SPREAD * (count + 1))


cdef void shuffle(const problem *of, uint64_t sweep, int64_t *order) noexcept nogil:
    """Write the units in the order of a sweep."""
    cdef long k, other
    cdef uint64_t key = counted(mixed(of.seed ^ OF_ORDERS), of.first_sweep + sweep)
    for k in range(of.n_units):
        other = <long> ((counted(key, k) >> 32) * <uint64_t> (k + 1) >> 32)
        order[k] = order[other]
        order[other] = of.units[k]


cdef double energy_of(const problem *of, long row) noexcept nogil:
    """Return the energy of a state whose fields are known."""
    cdef double energy = 0
    cdef long i
    for i in range(of.n_all):
        energy -= of.states[row * of.n_all + i] * (of.fields[row * of.n_all + i] + of.biases[i])
    return energy / 2


cdef double change(const problem *of, long row, long unit) noexcept nogil:
    """Change a unit to its other value; return by how much that raises the energy."""
    cdef double *state = of.states + row * of.n_all
    cdef double *fields = of.fields + row * of.n_all
    cdef const double *weights = of.weights + unit * of.n_all
    cdef double step = 1 + of.low - 2 * state[unit], raised = -step * fields[unit]
    cdef long j
    state[unit] += step
    for j in range(of.n_all):
        fields[j] += step * weights[j]
    return raised


cdef void update_together(const problem *of, long first, long n, int64_t *order) noexcept nogil:
    """Take n states, at most STATES_TOGETHER of them, through all sweeps."""
    cdef long sweep, k, r, unit, i, at, record = 0, left = n
    cdef double temperature, field, apart = 1 - of.low
    cdef bint flips
    cdef bint[STATES_TOGETHER] changed
    cdef double[STATES_TOGETHER] energy
    cdef uint64_t[STATES_TOGETHER] keys
    for r in range(n):
        of.settled[first + r] = False
        if of.every:
            energy[r] = of.energies[(first + r) * of.n_records] = energy_of(of, first + r)
    for sweep in range(of.n_sweeps):
        if not left:
            break
        temperature = of.temperatures[sweep]
        shuffle(of, sweep, order)
        for r in range(n):
            changed[r] = False
            keys[r] = counted(mixed(of.seed + SPREAD * of.keys[first + r]), of.first_sweep + sweep)
        for k in range(of.n_units):
            unit = order[k]
            for r in range(n):
                if of.settled[first + r]:
                    continue
                at = (first + r) * of.n_all + unit
                field = of.fields[at]
                if temperature > 0:
                    flips = ((counted(keys[r], unit) >> 11) * (1.0 / 9007199254740992.0)
                             < 1 / (1 + exp(-apart * field / temperature))) == (of.states[at] != 1)
                else:
                    flips = (field < -of.least[unit]) if of.states[at] == 1 else (field > of.least[unit])
                if flips:
                    changed[r] = True
                    field = change(of, first + r, unit)
                    energy[r] += field
            if of.every and ((k + 1) % of.every == 0 or k + 1 == of.n_units):
                record += 1
                for r in range(n):
                    of.energies[(first + r) * of.n_records + record] = energy[r]
        for r in range(n):
            if not of.settled[first + r]:
                of.sweeps[first + r] = sweep + 1
                if sweep >= of.cold and not changed[r]:
                    of.settled[first + r] = True
                    left -= 1
    for r in range(n if of.every else 0):
        for i in range(record + 1, of.n_records):
            of.energies[(first + r) * of.n_records + i] = energy[r]


def update_units(const double[:, ::1] weights, const double[::1] biases, double[:, ::1] states,
                 const int64_t[::1] units, const double[::1] temperatures, const uint64_t[::1] keys, *, double low,
                 uint64_t seed, uint64_t first_sweep=0, long every=0, int n_threads=1):
    """Update units of many states one after another, in place, sweep by sweep.

    A sweep looks at every unit once, in an order that is drawn anew for each sweep and is the same for all states. At a
    temperature T a unit with the field f becomes 1 with the probability 1 / (1 + exp(-(1 - low) f / T)), which is Gibbs
    sampling. At T = 0 it becomes 1 where f > 0 and low where f < 0; where f is 0, but for rounding, it stays.

    Random numbers are counted: each is a hash of the seed, a state's key, the sweep and the unit. So what becomes of a
    state depends neither on the number of threads nor on the states beside it.

    Parameters
    ----------
    weights : memoryview of float64 of shape (n, n)
        They must be symmetric, and 0 on the diagonal.
    biases : memoryview of float64 of shape (n,)
    states : memoryview of float64 of shape (n_states, n)
        Every element is low or 1.
    units : memoryview of int64 of shape (n_units,)
        The units to be updated, each once; the others stay as they are.
    temperatures : memoryview of float64 of shape (n_sweeps,)
        The temperature of each sweep, at least 0.
    keys : memoryview of uint64 of shape (n_states,)
        What tells the random numbers of one state from those of another.
    low : float
        The lower value of units: -1 or 0.
    seed : int
    first_sweep : int, default=0
        The number of the first sweep, so that what goes on has other random numbers than what was before.
    every : int, default=0
        Energies are recorded after so many updates, and at the end of each sweep; 0 records none.
    n_threads : int, default=1
        States are shared out.

    Returns
    -------
    sweeps : ndarray of int64 of shape (n_states,)
        How many sweeps were made, the last one included, in which nothing changed.
    settled : ndarray of bool of shape (n_states,)
        Whether nothing changed in the last sweep, at a temperature that is 0 from then on.
    energies : ndarray of float64 of shape (n_states, n_records), or None
        -s W s / 2 - b s before the first update and after the others.
    """
    cdef long n = states.shape[0], n_all = states.shape[1], k, i, slice_, together
    cdef double total
    cdef problem of
    n_threads = team_size(n_threads)
    if weights.shape[0] != n_all or weights.shape[1] != n_all or biases.shape[0] != n_all:
        raise ValueError(f"weights of shape ({weights.shape[0]}, {weights.shape[1]}) and {biases.shape[0]} biases do "
                         f"not go with states of {n_all} units")
    if keys.shape[0] != n:
        raise ValueError(f"{keys.shape[0]} keys do not go with {n} states")
    if units.shape[0] and not are_within(&units[0], units.shape[0], n_all):
        raise ValueError(f"units must be from 0 to {n_all - 1}")
    if every < 0:
        raise ValueError(f"every must be at least 0, got {every}")
    of.n_all, of.n_units, of.n_sweeps, of.every = n_all, units.shape[0], temperatures.shape[0], every
    of.n_records = 1 + of.n_sweeps * ceil_divide(of.n_units, every) if every else 0
    sweeps, settled = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.intc)
    energies = np.zeros((n, of.n_records)) if every else None
    if not n or not of.n_units or not of.n_sweeps:
        raise ValueError(f"expected states, units and sweeps; got {n}, {of.n_units} and {of.n_sweeps}")
    cdef double[:, ::1] fields = matmul(np.asarray(states), np.asarray(weights), n_threads=n_threads)
    cdef Memory memory = Memory()
    cdef double *least = <double *> memory.zeros(n_all * sizeof(double))
    cdef int64_t *orders = <int64_t *> memory.zeros(n_threads * of.n_units * sizeof(int64_t))
    of.weights, of.biases, of.units, of.temperatures = &weights[0, 0], &biases[0], &units[0], &temperatures[0]
    of.least, of.low, of.seed, of.first_sweep, of.keys = least, low, seed, first_sweep, &keys[0]
    of.states, of.fields = &states[0, 0], &fields[0, 0]
    of.energies = <double *> cnp.PyArray_DATA(energies) if every else NULL
    of.sweeps, of.settled = <int64_t *> cnp.PyArray_DATA(sweeps), <bint *> cnp.PyArray_DATA(settled)
    of.cold = of.n_sweeps
    while of.cold > 0 and temperatures[of.cold - 1] == 0:
        of.cold -= 1
    together = max(1, min(<long> STATES_TOGETHER, ceil_divide(n, n_threads)))
    with nogil:
        for i in range(n_all):
            total = fabs(biases[i])
            for k in range(n_all):
                total += fabs(weights[i, k])
            # Sums of n_all numbers that change many times are as exact as this, with some to spare.
            least[i] = 4 * n_all * DBL_EPSILON * total
        for k in range(n):
            for i in range(n_all):
                fields[k, i] += biases[i]
        for slice_ in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
            update_slice(&of, n * slice_ // n_threads, n * (slice_ + 1) // n_threads, together,
                         orders + slice_ * of.n_units)
    return sweeps, settled.astype(bool), energies


cdef void update_slice(const problem *of, long first, long last, long together, int64_t *order) noexcept nogil:
    """Update the states from first to last, so many together."""
    while first < last:
        update_together(of, first, min(together, last - first), order)
        first += together
