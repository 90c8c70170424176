"""The native engine: packed networks, the fused training step, prediction.

Cython owns shapes, element types and threads; the C core (src_c/) owns one contiguous block on one core. Each module
has one job and a stub with its signatures:

tables     what the C core has, by name, and which instruction set is used
teams      how many threads there may be, and whether they shall share work
rows       X, read in place, and the order its rows are taken in
packed     networks in the layout of the C core: parameters in and out, forward passes
predictor  networks that are called with samples
trainer    networks that learn
kept_pass  passes forward that gradients of outputs are taken back through
flat_rule  update rules on flat vectors, by gradients that are made elsewhere
panels     the kernels on plain arrays
restricted   restricted Boltzmann machines: what follows from their weights
contrastive  restricted Boltzmann machines that learn
trees      small trees on codes: grown, and the leaves that rows fall into
bins       numbers into codes
numbers    numbers as bins and fractions, as ranks, as exact values
units      networks of units that are updated one after another
nearest    centres near rows, and sums of rows by nearest centre
maps       maps that learn row by row
reservoir  states of leaky tanh units over time
liquid     spikes of integrate-and-fire units over time, and their traces
"""

from fastmlp.engine import _modules as _modules  # first: it loads the modules below
from fastmlp.engine.bins import bin_codes
from fastmlp.engine.contrastive import ContrastiveTrainer
from fastmlp.engine.flat_rule import FlatRule
from fastmlp.engine.kept_pass import KeptPass
from fastmlp.engine.liquid import VECTORS as LIQUID_VECTORS
from fastmlp.engine.liquid import liquid_traces
from fastmlp.engine.maps import OnlineMap
from fastmlp.engine.nearest import Centers
from fastmlp.engine.numbers import bin_fractions, quantile_ranks, scaled_fractions, value_codes
from fastmlp.engine.packed import PackedNetwork
from fastmlp.engine.panels import (
    Panels,
    activate,
    differentiate,
    fma_ceiling,
    gather,
    link,
    matmul,
    matmul_transposed,
    row_losses,
)
from fastmlp.engine.predictor import FLOPS_PER_PIECE, Predictor
from fastmlp.engine.reservoir import echo_states
from fastmlp.engine.restricted import RestrictedMachine
from fastmlp.engine.rows import Rows, check_compressed, shuffled
from fastmlp.engine.tables import (
    ACTIVATIONS,
    CLASS_TARGET_LOSSES,
    ISA,
    ISAS,
    LEARNABLE_ACTIVATIONS,
    LOSS_LINKS,
    LOSSES,
    MAY_SPLIT,
    NORMALIZATION_EPSILON,
    PARAMETRIC_ACTIVATIONS,
    RULE_SLOTS,
    RULES,
    SLOPED_ACTIVATIONS,
    SOURCE_CODES,
    SUPPORTED_ISAS,
    bfloat16_product,
    choose_bfloat16_product,
    choose_isa,
    choose_split,
    split_product,
    splits,
)
from fastmlp.engine.teams import MAX_THREADS, OPENMP_VERSION, Judgement, max_threads, threads_worthwhile
from fastmlp.engine.trainer import Trainer
from fastmlp.engine.trees import Growth, LeafReader, begin_boosting, check_trees, grow_trees
from fastmlp.engine.units import update_units

__all__ = [
    "ACTIVATIONS",
    "CLASS_TARGET_LOSSES",
    "FLOPS_PER_PIECE",
    "ISA",
    "ISAS",
    "LEARNABLE_ACTIVATIONS",
    "LIQUID_VECTORS",
    "LOSSES",
    "LOSS_LINKS",
    "MAX_THREADS",
    "MAY_SPLIT",
    "NORMALIZATION_EPSILON",
    "OPENMP_VERSION",
    "PARAMETRIC_ACTIVATIONS",
    "RULES",
    "RULE_SLOTS",
    "SLOPED_ACTIVATIONS",
    "SOURCE_CODES",
    "SUPPORTED_ISAS",
    "Centers",
    "ContrastiveTrainer",
    "FlatRule",
    "Growth",
    "Judgement",
    "KeptPass",
    "LeafReader",
    "OnlineMap",
    "PackedNetwork",
    "Panels",
    "Predictor",
    "RestrictedMachine",
    "Rows",
    "Trainer",
    "activate",
    "begin_boosting",
    "bfloat16_product",
    "bin_codes",
    "bin_fractions",
    "check_compressed",
    "check_trees",
    "choose_bfloat16_product",
    "choose_isa",
    "choose_split",
    "differentiate",
    "echo_states",
    "fma_ceiling",
    "gather",
    "grow_trees",
    "link",
    "liquid_traces",
    "matmul",
    "matmul_transposed",
    "max_threads",
    "quantile_ranks",
    "row_losses",
    "scaled_fractions",
    "shuffled",
    "split_product",
    "splits",
    "threads_worthwhile",
    "update_units",
    "value_codes",
]
