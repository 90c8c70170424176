"""What the C core has, by name: activations, losses, rules, instruction sets; and the choices made among them."""

import os

import numpy as np

from fastmlp.engine.native cimport (
    fm_activation_learnable, fm_activation_name, fm_activation_parameters, fm_activation_sloped, fm_bfloat16_choose,
    fm_bfloat16_name, fm_isa_count, fm_isa_has_bfloat16, fm_isa_name, fm_isa_supported, fm_loss_link, fm_loss_name,
    fm_loss_takes_classes, fm_rule_name, fm_rule_slots, fm_source_codes,
)

ctypedef const char *(*_name_fn)(int) noexcept nogil


cdef tuple _names(_name_fn name_of):
    """Return the names in a table of the C core, in its order."""
    cdef int i = 0
    names = []
    while name_of(i) != NULL:
        names.append(name_of(i).decode())
        i += 1
    return tuple(names)


ACTIVATIONS = _names(fm_activation_name)
# The activations whose derivative needs more than their output; those that have a parameter; and those of which each
# unit may learn its own.
SLOPED_ACTIVATIONS = frozenset(name for i, name in enumerate(ACTIVATIONS) if fm_activation_sloped(i))
PARAMETRIC_ACTIVATIONS = frozenset(name for i, name in enumerate(ACTIVATIONS) if fm_activation_parameters(i))
LEARNABLE_ACTIVATIONS = frozenset(name for i, name in enumerate(ACTIVATIONS) if fm_activation_learnable(i))
LOSSES = _names(fm_loss_name)
LOSS_LINKS = {name: fm_loss_link(i).decode() for i, name in enumerate(LOSSES)}
RULES = _names(fm_rule_name)
RULE_SLOTS = {name: fm_rule_slots(i) for i, name in enumerate(RULES)}
# The hyperparameters of a rule that are in proportion to the learning rate, by their places in rules.def: the first,
# unless there is a row here. And the place of its weight decay, for those that have one.
RATE_HYPER = dict.fromkeys(RULES, (0,)) | {"nadam": (0, 1), "rprop": (), "gradient": ()}
DECAY_HYPER = {"adamw": 5, "amsgrad": 5, "lion": 3, "schedulefreeadamw": 5}
CLASS_TARGET_LOSSES = frozenset(name for i, name in enumerate(LOSSES) if fm_loss_takes_classes(i))
SOURCE_CODES = fm_source_codes().decode()
ISAS = tuple(fm_isa_name(i).decode() for i in range(fm_isa_count()))
SUPPORTED_ISAS = tuple(name for i, name in enumerate(ISAS) if fm_isa_supported(i))


def choose_isa(requested):
    """Return the instruction set to use: the widest that the CPU has, or the one asked for by name.

    Raises ValueError when the name is unknown or the CPU lacks it.
    """
    if not requested:
        return SUPPORTED_ISAS[-1]
    if requested not in ISAS:
        raise ValueError(f"FASTMLP_ISA={requested!r} is not an instruction set of this build; known are {list(ISAS)}.")
    if requested not in SUPPORTED_ISAS:
        raise ValueError(f"FASTMLP_ISA={requested!r} is not supported by this CPU, which has {list(SUPPORTED_ISAS)}.")
    return requested


def choose_split(requested):
    """Return whether operands may be split, as asked for: by "1"; "0" and "" are no.

    Raises ValueError for anything else.
    """
    if requested not in ("", "0", "1"):
        raise ValueError(f"FASTMLP_SPLIT={requested!r} is neither '0' nor '1'.")
    return requested == "1"


# Added to the variance in normalisations, as PyTorch does.
NORMALIZATION_EPSILON = 1e-5
# Networks of at least so many weights per unit, in chunks of at least so many rows, may be trained with float32
# operands split into bfloat16 terms, where products of those are fast. Below, splitting costs more than it saves.
SPLIT_WEIGHTS_PER_UNIT = 150
SPLIT_ROWS = 256
ISA = choose_isa(os.environ.get("FASTMLP_ISA", ""))
MAY_SPLIT = choose_split(os.environ.get("FASTMLP_SPLIT", ""))


def bfloat16_product():
    """Return what multiplies bfloat16 numbers, "amx" or "avx512bf16"; "" where nothing does so faster than float32."""
    return fm_bfloat16_name().decode() if fm_isa_has_bfloat16(ISAS.index(ISA)) else ""


def choose_bfloat16_product(name=None):
    """Decide what multiplies bfloat16 numbers from now on, in this process: by name, None for the fastest.

    Raises ValueError when this machine does not have it.
    """
    encoded = (name or "").encode()
    if not fm_bfloat16_choose(NULL if name is None else <const char *> encoded):
        raise ValueError(f"no products of bfloat16 numbers called {name!r} on this machine")


def split_product():
    """Return what multiplies float32 numbers split into bfloat16 terms, in networks for which splits() says so.

    That is "amx"; or "" where nobody asked for it, or where it would not be faster than float32.
    """
    return "amx" if MAY_SPLIT and bfloat16_product() == "amx" else ""


def splits(sizes, n_rows):
    """Return whether a network of so many units per layer is trained with split operands, so many rows at a time."""
    weights = sum(inputs * outputs for inputs, outputs in zip(sizes[:-1], sizes[1:]))
    return bool(split_product()) and n_rows >= SPLIT_ROWS and weights >= SPLIT_WEIGHTS_PER_UNIT * sum(sizes)


cdef int isa_index_of(isa) except -1:
    """Return the number of an instruction set, by name; None is ISA."""
    return ISAS.index(choose_isa(isa) if isa is not None else ISA)


cdef int index_of(tuple names, name, what) except -1:
    """Return where a table of the C core has a name."""
    if name not in names:
        raise ValueError(f"{what}={name!r} is not known; known are {', '.join(map(repr, names))}.")
    return names.index(name)


cdef int bits_of_type(dtype) except -1:
    """Return the bits of a network's element type; refuse any other type."""
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, in native byte order, got {dtype.str!r}")
    return 8 * dtype.itemsize

cdef int source_index_of(dtype) except -1:
    """Return where SOURCE_CODES has a type that X can be of; refuse any other type."""
    if dtype.char not in SOURCE_CODES:
        raise ValueError(f"X must be of a real type, got {dtype}")
    return SOURCE_CODES.index(dtype.char)
