"""How the time of an epoch grows with rows, width, depth, batch and threads, and where it jumps.

python bench/scaling.py [sweep ...] [--rounds N] [--dtype float64] [--threads N] [--json FILE] [--chart FILE]

Each sweep changes one thing of a network. The time per operation of the matrix products should fall, or stay, along a
sweep. The last table is of steps of one unit in width past the sizes of a panel, a vector or a cache's sets: each
should cost what its operations cost, and one that is off by more than a quarter is marked.
"""

import statistics
import time
import warnings

import command
import machine
import numpy as np
from cases import Case
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPClassifier

# What a sweep does not change.
ROWS, WIDTH, DEPTH, BATCH, FEATURES, CLASSES = 10_000, 128, 2, 200, 64, 10
# Epochs make up a measurement of about this many operations.
FLOPS_PER_FIT = 2e10
CLIFFS = [(45, 46), (64, 65), (1023, 1024)]
TOLERANCE = 0.25


def network(rows=ROWS, width=WIDTH, depth=DEPTH, batch=BATCH):
    """A case with hidden layers of one width, and epochs enough for a measurement."""
    case = Case(rows, (FEATURES, *[width] * depth, CLASSES), min(batch, rows), 1)
    return case._replace(epochs=int(np.clip(FLOPS_PER_FIT / case.flops_per_epoch, 3, 1000)))


def sweeps(n_threads):
    """The values of each sweep, and for each the case and the threads."""
    threads = sorted({1, *range(2, n_threads, 2), n_threads})
    return {
        "rows": {n: (network(rows=n), n_threads) for n in (100, 1000, 10_000, 100_000)},
        "width": {w: (network(width=w), n_threads) for w in (8, 16, 32, 64, 128, 256, 512, 1024)},
        "depth": {d: (network(depth=d), n_threads) for d in (1, 2, 4, 8, 16)},
        "batch": {b: (network(batch=b), n_threads) for b in (8, 32, 128, 512, 2048)},
        "threads": {n: (network(width=512), n) for n in threads},
    }


def seconds_per_epoch(case, data, dtype, n_threads):
    """One fit of the case's epochs, its set-up included."""
    # None, and so one thread for little work, as far as there is a choice.
    n_jobs = None if n_threads == machine.n_cpus() else n_threads
    model = MLPClassifier(
        case.sizes[1:-1],
        batch_size=case.batch,
        max_iter=case.epochs,
        n_iter_no_change=np.inf,
        tol=0,
        random_state=0,
        n_jobs=n_jobs,
        dtype=dtype,
    )
    start = time.perf_counter()
    model.fit(*data)
    return (time.perf_counter() - start) / case.epochs


def measured(points, dtype, rounds):
    """Median seconds per epoch of each point, {name: (case, threads)}; the points are taken in turn."""
    data = {name: case.data(dtype) for name, (case, _) in points.items()}
    seconds = {name: [] for name in points}
    for _ in range(rounds):
        for name, (case, n_threads) in points.items():
            seconds[name].append(seconds_per_epoch(case, data[name], dtype, n_threads))
    return {name: statistics.median(values) for name, values in seconds.items()}


def print_sweep(name, points, seconds):
    """A row for each point; growth is the exponent between a point and the one before."""
    print(f"\n{name:>8}{'ms/epoch':>12}{'GF/s':>8}{'growth':>8}", flush=True)
    before = None
    for value, (case, _) in points.items():
        row = f"{value:8}{seconds[value] * 1e3:12.4g}{case.flops_per_epoch / seconds[value] / 1e9:8.0f}"
        if before is not None:
            row += f"{np.log(seconds[value] / seconds[before]) / np.log(value / before):8.2f}"
        print(row, flush=True)
        before = value


def cliffs(dtype, rounds, n_threads):
    """For each step of CLIFFS: how many times as long an operation takes after it."""
    ratios = {}
    print(f"\n{'width':>12}{'ms/epoch':>20}{'time per operation':>21}")
    for low, high in CLIFFS:
        points = {w: (network(rows=2000 if w > 512 else ROWS, width=w), n_threads) for w in (low, high)}
        seconds = measured(points, dtype, rounds)
        before, after = (seconds[w] / points[w][0].flops_per_epoch for w in (low, high))
        ratios[f"{low}-{high}"] = after / before
        mark = "" if abs(after / before - 1) <= TOLERANCE else "   <- a cliff"
        times = f"{seconds[low] * 1e3:.4g}, {seconds[high] * 1e3:.4g}"
        print(f"{f'{low}, {high}':>12}{times:>20}{after / before:>20.2f}x{mark}", flush=True)
    return ratios


def draw(record, path):
    """A log-log chart of each sweep, with the time that would be proportional to the operations."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter, NullLocator

    figure, all_axes = plt.subplots(1, len(record["sweeps"]), figsize=(4 * len(record["sweeps"]), 4.6), squeeze=False,
                                    sharey=True, layout="constrained")  # fmt: skip
    for axes, (name, sweep) in zip(all_axes[0], record["sweeps"].items(), strict=True):
        values, seconds, flops = (np.array(sweep[key]) for key in ("values", "seconds_per_epoch", "flops_per_epoch"))
        ideal = flops / flops[-1] * seconds[-1] * (values[-1] / values if name == "threads" else 1)
        axes.loglog(values, ideal * 1e3, "--", color="grey", lw=1, label="proportional to the operations")
        axes.loglog(values, seconds * 1e3, "o-", label="fastmlp")
        axes.set_xlabel(name)
        axes.set_xticks(values, [f"{value:,}" for value in values], fontsize=8, rotation=40)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    all_axes[0][0].set_ylabel("ms per training epoch")
    all_axes[0][0].legend(fontsize=8)
    about = record["machine"]
    figure.suptitle(
        f"{ROWS:,} rows, {FEATURES}-{DEPTH}x{WIDTH}-{CLASSES}, batch {BATCH} (threads: width 512), one thing changed;"
        f" {record['dtype']}, {about['threads']} threads, {about['cpu']} ({about['isa']})",
        fontsize=10,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Measure, print the tables, write the files asked for."""
    names = list(sweeps(1))
    parser = command.parser_of(__doc__)
    parser.add_argument("sweeps", nargs="*", metavar="sweep", help=f"of {', '.join(names)}, cliffs; default all")
    options = command.parse(parser, "sweeps", [*names, "cliffs"])
    wanted = options.sweeps or [*names, "cliffs"]
    warnings.simplefilter("ignore", ConvergenceWarning)
    record = {"machine": machine.describe(options.threads), "dtype": options.dtype, "rounds": options.rounds}
    print(", ".join(f"{key} {value}" for key, value in record["machine"].items()))
    record["sweeps"] = {}
    for name, points in sweeps(options.threads).items():
        if name in wanted:
            seconds = measured(points, options.dtype, options.rounds)
            print_sweep(name, points, seconds)
            record["sweeps"][name] = {
                "values": list(points),
                "flops_per_epoch": [case.flops_per_epoch for case, _ in points.values()],
                "seconds_per_epoch": list(seconds.values()),
            }
    if "cliffs" in wanted:
        record["cliffs"] = cliffs(options.dtype, options.rounds, options.threads)
    command.write(record, options, draw if record["sweeps"] else None)


if __name__ == "__main__":
    main()
