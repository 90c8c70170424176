"""What a loss is told, for trainer and panels."""

from fastmlp.engine.native cimport fm_loss_settings

cdef int check_weights(weights, long n) except -1
cdef int check_targets(int loss, dtype, targets, weights, long n, long outputs) except -1
cdef tuple settle_loss(int loss, options, output_weights, long outputs, fm_loss_settings *settings)
