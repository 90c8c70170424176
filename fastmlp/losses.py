"""The losses: names and output activations, as src_c/losses.def lists them.

===============  =============  ===================================================
name             p = link(z)    loss of one sample with target y
===============  =============  ===================================================
log_loss         softmax        -log(p[class])
binary_log_loss  logistic       sum over outputs of -y log(p) - (1 - y) log(1 - p)
squared_error    identity       mean over outputs of (y - p)^2 / 2
poisson          exp            sum over outputs of y log(y / p) - y + p
===============  =============  ===================================================

Probabilities are kept ``numpy.finfo(dtype).eps`` away from 0 and 1 before the logarithm.
"""

from fastmlp import _engine

LOSSES: tuple[str, ...] = _engine.LOSSES
#: The output activation each loss goes with: what ``out_activation_`` reports.
OUTPUT_ACTIVATIONS: dict[str, str] = _engine.LOSS_LINKS
#: Losses whose targets are class numbers instead of a matrix.
CLASS_TARGET_LOSSES: frozenset[str] = _engine.CLASS_TARGET_LOSSES
