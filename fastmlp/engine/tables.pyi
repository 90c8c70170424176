"""What the C core has, by name; documented in tables.pyx."""

from collections.abc import Sequence

ACTIVATIONS: tuple[str, ...]
SLOPED_ACTIVATIONS: frozenset[str]
PARAMETRIC_ACTIVATIONS: frozenset[str]
LEARNABLE_ACTIVATIONS: frozenset[str]
LOSSES: tuple[str, ...]
LOSS_LINKS: dict[str, str]
CLASS_TARGET_LOSSES: frozenset[str]
RULES: tuple[str, ...]
RULE_SLOTS: dict[str, int]
RATE_HYPER: dict[str, tuple[int, ...]]
DECAY_HYPER: dict[str, int]
SOURCE_CODES: str
ISAS: tuple[str, ...]
SUPPORTED_ISAS: tuple[str, ...]
ISA: str
MAY_SPLIT: bool
NORMALIZATION_EPSILON: float

def choose_isa(requested: str | None) -> str: ...
def bfloat16_product() -> str: ...
def choose_split(requested: str) -> bool: ...
def split_product() -> str: ...
def splits(sizes: Sequence[int], n_rows: int) -> bool: ...
def choose_bfloat16_product(name: str | None = None) -> None: ...
