"""The command fastmlp-demo lets fastmlp and scikit-learn learn the same handwritten digits, one after the other."""

import argparse
import io
import re
import sys
import time
import warnings
from contextlib import redirect_stdout
from typing import Any, TextIO

import sklearn.neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import fastmlp

_EPOCH = re.compile(r"Iteration (\d+), (loss = .*)")


class EveryNthEpoch(io.TextIOBase):
    """A standard output for ``verbose=True`` that lets only some of the epochs' lines through.

    Both libraries print the same lines, so that watching costs both the same.

    Parameters
    ----------
    n : int
        Epochs 1, n, 2n, ... are shown.
    out : file
        The file that the lines are written to.

    Examples
    --------
    >>> import sys
    >>> from contextlib import redirect_stdout
    >>> from fastmlp.demo import EveryNthEpoch
    >>> with redirect_stdout(EveryNthEpoch(2, sys.stdout)):
    ...     for i in (1, 2, 3):
    ...         print(f"Iteration {i}, loss = {1 / i:.2f}")
      epoch   1   loss = 1.00
      epoch   2   loss = 0.50
    """

    def __init__(self, n: int, out: TextIO) -> None:
        self._n = n
        self._out = out

    def write(self, text: str) -> int:
        """Pass an epoch's line on if its turn has come; drop everything else."""
        epoch = _EPOCH.match(text)
        if epoch and (epoch[1] == "1" or int(epoch[1]) % self._n == 0):
            self._out.write(f"  epoch {epoch[1]:>3}   {epoch[2]}\n")
            self._out.flush()
        return len(text)


def timed_fit(model: Any, X: Any, y: Any, show_every: int) -> float:
    """Fit the model, showing some of its epochs; return the seconds it took."""
    with redirect_stdout(EveryNthEpoch(show_every, sys.stdout)), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, y)
        return time.perf_counter() - start


def main(argv: list[str] | None = None) -> None:
    """Train both classifiers on the same split, with the same parameters and seed; print accuracies and times.

    Parameters
    ----------
    argv : list of str, default=None
        The command's arguments. With None they are those the process was called with.
    """
    parser = argparse.ArgumentParser(prog="fastmlp-demo", description="fastmlp beside scikit-learn on 8x8 digits.")
    parser.add_argument("--max-iter", type=int, default=200, help="epochs at most (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of both networks (default 0)")
    options = parser.parse_args(argv)

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=options.seed)
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    parameters = {"hidden_layer_sizes": (64, 64), "max_iter": options.max_iter, "random_state": options.seed}
    print(f"{len(y_train)} digits to learn from, {len(y_test)} held out; network 64-64-64-10, adam, float64")

    models = {
        "fastmlp": fastmlp.MLPClassifier(**parameters, verbose=True),
        "scikit-learn": sklearn.neural_network.MLPClassifier(**parameters, verbose=True),
    }
    seconds: dict[str, float] = {}
    for name, model in models.items():
        print(f"\n{name}")
        seconds[name] = timed_fit(model, X_train, y_train, show_every=20)
        time.sleep(0.2)  # idle threads of one library may still be spinning, at the other's cost

    print()
    for name, model in models.items():
        accuracy = model.score(X_test, y_test)
        print(f"{name:13} held-out accuracy {accuracy:.4f}   {model.n_iter_:3} epochs in {seconds[name]:.3f} s")
    same = int((models["fastmlp"].predict(X_test) == models["scikit-learn"].predict(X_test)).sum())
    print(f"\nThe two agree on {same} of the {len(y_test)} held-out digits.")
    print(f"scikit-learn took {seconds['scikit-learn'] / seconds['fastmlp']:.1f} times as long as fastmlp.")


if __name__ == "__main__":
    main()
