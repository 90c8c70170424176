"""A process for each engine: both ends of its pipe.

In one process the libraries' thread pools would share OpenMP settings and get in each other's way. A worker reads
requests from stdin and writes an answer to each to stdout, one line of JSON each way; while it waits it uses no CPU,
so the engines can be asked in turn.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from importlib.metadata import PackageNotFoundError

# Before each measurement, for the threads of the engine before to stop spinning.
REST_SECONDS = 0.2
# Calls that take less than this are timed several at once.
LEAST_SECONDS = 0.05


class WorkerError(Exception):
    """What went wrong in a worker, in one line."""


class Worker:
    """The parent's end: starts the process of an engine, and asks it."""

    def __init__(self, name, dtype, n_threads):
        environment = {**os.environ, "OMP_NUM_THREADS": str(n_threads)}
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, dtype, str(n_threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            self.versions = self._answer()
        except WorkerError:
            self.close()
            raise

    def _answer(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the worker ended with status {self.process.wait()}"}
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def ask(self, method, *arguments):
        """Return the result of a method of Measurements below; WorkerError when it raised an exception."""
        with contextlib.suppress(BrokenPipeError):  # there is no answer then
            self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
            self.process.stdin.flush()
        return self._answer()

    def close(self):
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def timed(function, *arguments):
    """Seconds that a call takes, after a rest."""
    time.sleep(REST_SECONDS)
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def repeat(function, calls):
    for _ in range(calls):
        function()


class Measurements:
    """The worker's end: what can be asked."""

    def __init__(self, engine):
        self.engine = engine
        self.functions = {}

    def prepare(self, name):
        """Get the case ready to be trained."""
        from cases import TRAINING

        self.case = TRAINING[name]
        self.engine.prepare(self.case)

    def train(self):
        """Return seconds per epoch."""
        self.engine.reset()
        return timed(self.engine.train, self.case.epochs) / self.case.epochs

    def ceiling(self):
        """Return operations per second."""
        time.sleep(REST_SECONDS)
        return self.engine.ceiling()

    def prepare_predictions(self, name, n_rows):
        """Get the case's network ready to predict n_rows rows; return the ways to do so, and their first outputs."""
        from cases import TRAINING

        import fastmlp

        case = TRAINING[name]
        # The same weights in every worker. One thread: fastmlp's team has no business in another engine's process.
        X, y = case.data("float64")
        model = fastmlp.MLPClassifier(
            case.sizes[1:-1], batch_size=case.batch, max_iter=1, random_state=0, n_jobs=1, dtype=self.engine.dtype
        ).fit(X, y)
        model.set_params(n_jobs=None)
        samples, _ = case._replace(n_rows=n_rows).data("float64")
        functions = self.engine.predictions(model, samples)
        outputs = {label: function()[:3].tolist() for label, function in functions.items()}
        for label, function in functions.items():
            calls = 1
            while (seconds := timed(repeat, function, calls)) < LEAST_SECONDS:
                calls = max(2 * calls, int(1.2 * calls * LEAST_SECONDS / seconds))
            self.functions[label, n_rows] = function, calls
        return outputs

    def predict(self, label, n_rows):
        """Return seconds per call."""
        function, calls = self.functions[label, n_rows]
        return timed(repeat, function, calls) / calls


def main():
    """Answer requests until stdin ends."""
    from engines import ENGINES

    # What a library prints goes to stderr.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warnings.simplefilter("ignore")

    def answer(function, *arguments):
        try:
            line = {"result": function(*arguments)}
        except PackageNotFoundError as error:
            line = {"error": f"{error.name} is not installed"}
        except Exception as error:
            traceback.print_exc()
            line = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(line), file=answers, flush=True)

    name, dtype, n_threads = sys.argv[1:]
    kind = ENGINES[name]
    measurements = None

    def start():
        nonlocal measurements
        versions = kind.versions()
        measurements = Measurements(kind(dtype, int(n_threads)))
        return versions

    answer(start)
    if measurements is not None:
        for line in sys.stdin:
            method, *arguments = json.loads(line)
            answer(getattr(measurements, method), *arguments)


if __name__ == "__main__":
    main()
