"""The figures that the estimators of the zoo are held to: a module for each family, a function for each figure."""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np


@dataclass
class Figure:
    """A figure, and what finds it: a function that returns what was reached, as a text, and whether that is enough."""

    name: str
    aim: str
    #: About how long it takes on two cores.
    seconds: float
    run: Callable[[], tuple[str, bool]]


FIGURES: dict[str, Figure] = {}


def figure(name: str, aim: str, *, seconds: float) -> Callable:
    """Return a decorator that registers a function without arguments as what finds a figure."""

    def register(run: Callable[[], tuple[str, bool]]) -> Callable[[], tuple[str, bool]]:
        FIGURES[name] = Figure(name, aim, seconds, run)
        return run

    return register


def load_all() -> None:
    """Import the modules of all families, which register their figures."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"figures.{module.name}")


def mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return X_train, y_train, X_test, y_test: pixels from 0 to 1 in float32, from mnist.npz in $FASTMLP_DATA."""
    with np.load(Path(os.environ.get("FASTMLP_DATA", "."), "mnist.npz")) as file:
        arrays = [file[name] for name in ("X_train", "y_train", "X_test", "y_test")]
    return tuple(a.astype(np.float32) / 255 if a.ndim == 2 else a for a in arrays)


def time_ratio(theirs: Callable[[], object], ours: Callable[[], object], rounds: int = 5) -> float:
    """Return how many times as long theirs takes as ours: the ratio of medians of runs that take turns."""
    seconds: dict[Callable, list[float]] = {theirs: [], ours: []}
    for each in seconds:
        each()  # what is imported and allocated first is not counted
    for _ in range(rounds):
        for each, taken in seconds.items():
            start = time.perf_counter()
            each()
            taken.append(time.perf_counter() - start)
    return float(np.median(seconds[theirs]) / np.median(seconds[ours]))


def arguments(doc: str) -> argparse.Namespace:
    """Read the command line of bench/zoo.py."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="figures whose names begin so; all of them where none is named")
    parser.add_argument("--list", action="store_true", help="name the figures, with aims and seconds, and end")
    parser.add_argument("--most-seconds", type=float, default=np.inf, help="leave out what takes longer")
    return parser.parse_args()
