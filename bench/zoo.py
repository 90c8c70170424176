"""The zoo's figures beside their aims: what each estimator reaches, and how long that takes.

FASTMLP_DATA=FOLDER python bench/zoo.py [NAME ...] [--list] [--most-seconds N]

FOLDER has mnist.npz, with X_train, y_train, X_test and y_test. What is printed is a table in Markdown.
"""

import time
import warnings

from figures import FIGURES, arguments, load_all
from sklearn.exceptions import ConvergenceWarning


def main() -> None:
    """Find the figures that are asked for, one after another."""
    given = arguments(__doc__)
    load_all()
    chosen = [
        each
        for name, each in sorted(FIGURES.items())
        if each.seconds <= given.most_seconds and (not given.names or name.startswith(tuple(given.names)))
    ]
    print("| figure | aim | reached | enough | seconds |", "| --- | --- | --- | --- | --- |", sep="\n", flush=True)
    for each in chosen:
        if given.list:
            print(f"| {each.name} | {each.aim} | | | about {each.seconds:g} |")
            continue
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                reached, is_enough = each.run()
            except (FileNotFoundError, ImportError) as error:  # of MNIST, of a library that is compared with
                print(f"| {each.name} | {each.aim} | left out: {error} | | |", flush=True)
                continue
        seconds = time.perf_counter() - start
        print(f"| {each.name} | {each.aim} | {reached} | {'yes' if is_enough else 'no'} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
