"""What a loss is told: targets and weights of the rows, its options, and weights of the outputs."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, uint32_t

from fastmlp.engine.memory cimport is_plain
from fastmlp.engine.native cimport fm_loss_settings, fm_loss_takes_classes

from fastmlp.engine.tables import LOSSES

cnp.import_array()


cdef int check_weights(weights, long n) except -1:
    """Refuse what are no weights of n rows; None is for rows that weigh the same."""
    if weights is not None and not (is_plain(weights) and weights.dtype == np.float64 and weights.shape == (n,)):
        raise ValueError(f"expected {n} contiguous float64 weights")
    return 0


cdef int check_targets(int loss, dtype, targets, weights, long n, long outputs) except -1:
    """Refuse targets and weights of n rows that a loss would read in another way, or beyond their end."""
    cdef const int32_t *classes
    cdef uint32_t seen = 0
    cdef long i
    by_class = fm_loss_takes_classes(loss)
    expected = (np.dtype(np.int32), (n,)) if by_class else (dtype, (n, outputs))
    if not is_plain(targets) or (targets.dtype, targets.shape) != expected:
        got = f"{targets.dtype} of shape {targets.shape}" if isinstance(targets, np.ndarray) else type(targets).__name__
        raise ValueError(f"targets must be a contiguous array of {expected[0]} of shape {expected[1]}, got {got}")
    check_weights(weights, n)
    if by_class:
        classes = <const int32_t *> cnp.PyArray_DATA(targets)
        for i in range(n):
            seen |= <uint32_t> classes[i] | (<uint32_t> (outputs - 1) - <uint32_t> classes[i])
        if seen >> 31:
            wrong = targets[(targets < 0) | (targets >= outputs)][0]
            raise ValueError(f"targets must be class numbers from 0 to {outputs - 1}, got {wrong}")
    return 0

cdef tuple settle_loss(int loss, options, output_weights, long outputs, fm_loss_settings *settings):
    """Fill in what a loss is told; return the arrays that it points into, which must live as long."""
    if output_weights is not None and fm_loss_takes_classes(loss):
        raise ValueError(f"output_weights are for losses with a matrix of targets, not for {LOSSES[loss]}")
    arrays = []
    output_weights = () if output_weights is None else output_weights
    for what, values in (("loss_options", options), ("output_weights", output_weights)):
        array = np.array(values, dtype=np.float64, ndmin=1)
        if array.shape not in ((0,), (1,), (outputs,)):
            raise ValueError(f"{what} must be one number or one for each of the {outputs} outputs, got {values!r}")
        arrays.append(np.array(np.broadcast_to(array, outputs)) if array.size else None)
    settings.options = NULL if arrays[0] is None else <const double *> cnp.PyArray_DATA(arrays[0])
    settings.output_weights = NULL if arrays[1] is None else <const double *> cnp.PyArray_DATA(arrays[1])
    return tuple(arrays)
