"""Time per training epoch and per prediction: fastmlp beside its peers, each engine in a process of its own.

python bench/compare.py [case ...] [--engines NAME ...] [--rounds N] [--dtype float64] [--threads N]
                        [--json FILE] [--chart FILE]

The engines are asked in turn, A B C A B C ..., and medians are printed. Beside the times: GF/s of the matrix products,
and their share of the ceiling, which is what the CPU does in multiply-adds of registers, measured in the same run. In
parentheses: how many times fastmlp's time. bench/engines.py tells what exactly each engine does.
"""

import statistics
import sys

import command
import machine
from cases import TRAINING
from engines import ENGINES, Engine
from worker import Worker, WorkerError

OURS = "fastmlp"
PREDICTED_CASE, PREDICTED_ROWS = "S", (100_000, 1)


class Comparison:
    """The workers, and what they have measured.

    An engine that fails at something is left out from then on, with a line that says so.
    """

    def __init__(self, names, dtype, n_threads):
        self.workers, self.versions, self.left_out = {}, {}, {}
        for name in names:
            try:
                self.workers[name] = worker = Worker(name, dtype, n_threads)
                self.versions |= worker.versions
            except WorkerError as error:
                self.leave_out(name, error)

    def leave_out(self, name, error):
        """Say that an engine is left out, and why."""
        self.left_out[name] = str(error)
        print(f"{name}: left out, {error}", flush=True)

    def ask(self, name, *request):
        """Ask an engine; None, and the end of its worker, when it fails."""
        try:
            return self.workers[name].ask(*request)
        except WorkerError as error:
            self.leave_out(name, error)
            self.workers.pop(name).close()
            if name == OURS:  # there is nothing to compare with
                sys.exit(1)
            return None

    def ask_all(self, names, *request):
        """Ask several engines in turn; return the answers of those that gave one."""
        answers = {name: self.ask(name, *request) for name in names if name in self.workers}
        return {name: answer for name, answer in answers.items() if answer is not None}

    def close(self):
        """End all workers."""
        for worker in self.workers.values():
            worker.close()

    def training(self, case, rounds):
        """Return each engine's seconds per epoch, a list with one number a round, and the ceiling."""
        trainers = [name for name in self.workers if ENGINES[name].prepare is not Engine.prepare]
        ready = self.ask_all_prepared(trainers, "prepare", case)
        seconds = {name: [] for name in ready}
        ceiling = 0.0
        for _ in range(rounds):
            ceiling = max(ceiling, *self.ask_all([OURS], "ceiling").values())
            for name, measured in self.ask_all(ready, "train").items():
                seconds[name].append(measured)
        return {name: values for name, values in seconds.items() if name in self.workers}, ceiling

    def ask_all_prepared(self, names, *request):
        """Ask for preparations, which have no result; return the engines that are ready."""
        for name in names:
            self.ask(name, *request)
        return [name for name in names if name in self.workers]

    def prediction(self, case, n_rows, rounds):
        """Return the seconds per call of each way to predict, a list with one number a round."""
        outputs = self.ask_all(list(self.workers), "prepare_predictions", case, n_rows)
        ways = [(name, label) for name, labels in outputs.items() for label in labels]
        expected = outputs[OURS][OURS]
        for name, label in ways:
            error = max(
                abs(a - b)
                for row, right in zip(outputs[name][label], expected, strict=True)
                for a, b in zip(row, right, strict=True)
            )
            if error > 1e-4:
                print(f"{label}: its probabilities are off by {error:.2g}", flush=True)
        seconds = {label: [] for _, label in ways}
        for _ in range(rounds):
            for name, label in ways:
                seconds[label] += self.ask_all([name], "predict", label, n_rows).values()
        return seconds


def medians(seconds):
    return {name: statistics.median(values) for name, values in seconds.items() if values}


def table_head(names):
    return f"{'case':5}{OURS:>9}{'GF/s':>7}{'ceiling':>9}{'share':>7}" + "".join(f"{n:>18}" for n in names if n != OURS)


def table_row(name, seconds, ceiling, names):
    """The row of a case, in milliseconds."""
    flops, ours = TRAINING[name].flops_per_epoch, seconds[OURS]
    row = f"{name:5}{ours * 1e3:9.4g}{flops / ours / 1e9:7.0f}{ceiling / 1e9:9.0f}{flops / ours / ceiling:7.0%}"
    for peer in names:
        if peer in seconds and peer != OURS:
            row += f"{seconds[peer] * 1e3:9.4g} {f'({seconds[peer] / ours:.1f})':>8}"
        elif peer != OURS:
            row += f"{'-':>18}"
    return row


def draw(record, path):
    """A chart of the record: epochs of each case, and predictions, as bars on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    training, prediction = record["training"], record["prediction"]
    names = list(dict.fromkeys(name for case in training.values() for name in case["seconds_per_epoch"]))
    labels = list(dict.fromkeys(label for rows in prediction["seconds"].values() for label in rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=(16, 6.5), width_ratios=[3, 1.4], layout="constrained")
    colors = {name: f"C{i}" for i, name in enumerate(dict.fromkeys([*names, *labels]))}
    groups = [(case, {n: s * 1e3 for n, s in values["seconds_per_epoch"].items()}) for case, values in training.items()]
    bars(left, groups, names, colors)
    for i, case in enumerate(training):
        least = TRAINING[case].flops_per_epoch / training[case]["ceiling_flops_per_second"] * 1e3
        label = None if i else "at the multiply-add ceiling"
        left.hlines(least, i - 0.45, i + 0.45, color="black", lw=1.5, label=label)
    left.set_ylabel("ms per training epoch")
    left.legend(loc="upper left", fontsize=9)
    sizes = {case: "-".join(map(str, TRAINING[case].sizes)) for case in training}
    left.set_xticks(range(len(training)), [f"{case}\n{sizes[case].replace('128-' * 6, '6x128-')}" for case in training])
    groups = [(counted(int(n)), {k: s * 1e3 for k, s in rows.items()}) for n, rows in prediction["seconds"].items()]
    bars(right, groups, labels, colors)
    right.set_xticks(range(len(groups)), [f"{label}\ncase {prediction['case']}" for label, _ in groups])
    right.set_ylabel("ms per call of predict_proba")
    right.legend(loc="upper right", fontsize=9)
    about = record["machine"]
    figure.suptitle(
        f"{record['dtype']}, {about['threads']} threads, {about['cpu']} ({about['isa']}); medians of {record['rounds']}"
        " rounds; above the bars: times fastmlp's",
        fontsize=11,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def bars(axes, groups, names, colors):
    """A group of bars for each (label, {name: value}), with the ratio to fastmlp's above each of the others."""
    width = 0.85 / max(1, len(names))
    for k, name in enumerate(names):
        places = [(i, values) for i, (_, values) in enumerate(groups) if name in values]
        at = [i + (k - (len(names) - 1) / 2) * width for i, _ in places]
        drawn = axes.bar(at, [values[name] for _, values in places], width * 0.92, label=name, color=colors[name])
        if name != OURS:
            ratios = [short(values[name] / values[OURS]) for _, values in places]
            axes.bar_label(drawn, ratios, fontsize=8, padding=1)
    axes.set_yscale("log")
    axes.margins(y=0.12)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)


def short(ratio):
    """Two digits, or the whole number."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def counted(n_rows):
    return "1 row" if n_rows == 1 else f"{n_rows:,} rows"


def arguments():
    parser = command.parser_of(__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(TRAINING)}; default all")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES), metavar="NAME",
                        help=f"of {', '.join(ENGINES)}; default all; fastmlp always")  # fmt: skip
    options = command.parse(parser, "cases", TRAINING)
    options.cases = options.cases or list(TRAINING)
    options.engines = [name for name in ENGINES if name == OURS or name in options.engines]
    return options


def main():
    """Measure, print the tables, write the files asked for."""
    options = arguments()
    about = machine.describe(options.threads)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    comparison = Comparison(options.engines, options.dtype, options.threads)
    try:
        if OURS not in comparison.workers:
            sys.exit(1)
        record = measure(comparison, options)
    finally:
        comparison.close()
    record = {"machine": about, "versions": comparison.versions, "left_out": comparison.left_out} | record
    command.write(record, options, draw)


def measure(comparison, options):
    """Print the tables row by row; return the record of all medians and times."""
    print(", ".join(f"{package} {number}" for package, number in comparison.versions.items()))
    names = [name for name in comparison.workers if ENGINES[name].prepare is not Engine.prepare]
    record = {"dtype": options.dtype, "rounds": options.rounds, "training": {}}
    print(f"\nms per epoch, {options.dtype}, threads: {options.threads}\n{table_head(names)}", flush=True)
    for case in options.cases:
        seconds, ceiling = comparison.training(case, options.rounds)
        middle = medians(seconds)
        record["training"][case] = {
            "flops_per_epoch": TRAINING[case].flops_per_epoch,
            "ceiling_flops_per_second": ceiling,
            "seconds_per_epoch": middle,
            "all_seconds_per_epoch": seconds,
        }
        print(table_row(case, middle, ceiling, names), flush=True)
    record["prediction"] = {"case": PREDICTED_CASE, "seconds": {}, "all_seconds": {}}
    print(f"\npredict_proba of case {PREDICTED_CASE}'s network, ms per call")
    for n_rows in PREDICTED_ROWS:
        seconds = comparison.prediction(PREDICTED_CASE, n_rows, options.rounds)
        middle = medians(seconds)
        record["prediction"]["seconds"][str(n_rows)] = middle
        record["prediction"]["all_seconds"][str(n_rows)] = seconds
        print(counted(n_rows))
        for label, value in middle.items():
            print(f"  {label:24}{value * 1e3:10.4g} {f'({value / middle[OURS]:.2f})':>9}", flush=True)
    return record


if __name__ == "__main__":
    main()
