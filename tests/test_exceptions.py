"""The package's own warnings: each can be filtered alone, and as a UserWarning."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPRegressor, exceptions
from fastmlp.callbacks import Callback, LearningRateFinder, TerminateOnNaN
from fastmlp.exceptions import (
    DivergenceWarning,
    OverflowWarning,
    ScheduleEndedWarning,
    UndefinedScoreWarning,
    warn_user,
)
from fastmlp.optimizers import SGD
from fastmlp.schedules import Linear


@pytest.mark.parametrize("name", exceptions.__all__)
def test_each_warning_is_a_user_warning_and_says_when_it_is_given(name):
    warning = getattr(exceptions, name)
    assert issubclass(warning, UserWarning) and warning.__module__ == "fastmlp.exceptions"
    assert warning.__doc__ and warning.__doc__.endswith(".")


def test_all_warnings_are_listed():
    found = {name for name, value in vars(exceptions).items() if isinstance(value, type) and issubclass(value, Warning)}
    assert found == set(exceptions.__all__)


def test_filters_are_changed_by_one_thread_at_a_time():
    """But for programs, which have their process to themselves."""
    package = Path(exceptions.__file__).parent
    lines = [
        line
        for path in package.rglob("*.py")
        if path.parent.name != "cli" and path.name not in ("demo.py", "exceptions.py")
        for line in path.read_text("utf-8").splitlines()
        if "catch_warnings(" in line and ">>>" not in line
    ]
    assert len(lines) == 3
    assert [line for line in lines if "with FILTERING, warnings.catch_warnings()" not in line] == []


# ---- where warnings point --------------------------------------------------------------------------------------------

X = np.random.default_rng(0).standard_normal((60, 3))
Y = X[:, 0] + 0.1


class Interrupting(Callback):
    def on_epoch_end(self, fit):
        raise KeyboardInterrupt


BRIEF = {"max_iter": 2, "random_state": 0}
SEARCHED = {"mlpregressor__alpha": [0.0, 0.1]}


def model(**parameters):
    return MLPRegressor(**{**BRIEF, **parameters})


# Each in one line.
FITS = {
    ConvergenceWarning: lambda: model().fit(X, Y),
    "lbfgs": lambda: model(solver="lbfgs").fit(X, Y),
    "column": lambda: model(solver="lbfgs").fit(X, Y[:, np.newaxis]),
    "warm start": lambda: model(warm_start=True).fit(X, Y).fit(X, Y),
    "clipped": lambda: model(batch_size=100).fit(X, Y),
    "interrupted": lambda: model(callbacks=[Interrupting()]).fit(X, Y),
    "lbfgs interrupted": lambda: model(solver="lbfgs", callbacks=[Interrupting()]).fit(X, Y),
    "finder": lambda: model(callbacks=[LearningRateFinder(1e3, 1e6)]).fit(X, Y),
    OverflowWarning: lambda: model().fit(X, 1e200 * Y),
    UndefinedScoreWarning: lambda: model().fit(X, Y, eval_set=(X[:1], Y[:1])),
    ScheduleEndedWarning: lambda: model(solver=SGD(Linear(0.1, 1))).fit(X, Y),
    DivergenceWarning: lambda: model(solver=SGD(1e5), callbacks=[TerminateOnNaN()], max_iter=99).fit(X, Y),
    "pipeline": lambda: make_pipeline(StandardScaler(), model()).fit(X, Y),
    "search": lambda: GridSearchCV(make_pipeline(model()), SEARCHED, cv=2).fit(X, Y),
    "cross-validation": lambda: cross_val_score(model(), X, Y, cv=2),
    "target": lambda: TransformedTargetRegressor(model()).fit(X, Y),
    "multi-output": lambda: MultiOutputRegressor(model()).fit(X, np.c_[Y, Y]),
}


@pytest.mark.parametrize("what", FITS, ids=str)
def test_every_warning_of_a_fit_points_at_the_line_that_called_it(what):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        FITS[what]()
    line = FITS[what].__code__.co_firstlineno
    assert {(warning.filename, warning.lineno) for warning in found} == {(__file__, line)}
    if isinstance(what, type):
        assert [warning.category for warning in found].count(what) == 1


def test_in_a_thread_of_ones_own_and_in_one_of_a_pool():
    def work():
        model().fit(X, Y)

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for target in (work, lambda: warn_user("nobody called")):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(model().fit, X, Y).result()
    assert [warning.filename == __file__ for warning in found] == [True, True, False]
    assert Path(found[-1].filename).name == "thread.py"  # who called fastmlp


def test_in_a_worker_whose_program_is_no_line_of_the_users():
    """As joblib starts its own: a module of it runs as __main__."""
    started = {
        "__name__": "__main__",
        "__spec__": ModuleSpec("joblib.worker", None),
        "fit": model().fit,
        "X": X,
        "Y": Y,
    }
    exec(compile("def search():\n    fit(X, Y)\ndef main():\n    search()\n", "worker.py", "exec"), started)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        thread = threading.Thread(target=started["main"])
        thread.start()
        thread.join()
    assert {(warning.filename, warning.lineno) for warning in found} == {("worker.py", 2)}


def test_a_warning_is_shown_once_for_each_line():
    """As Python's default filter has it."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            warn_user("Again and again.", OverflowWarning)
        warn_user("Again and again.", OverflowWarning)
    assert len(found) == 2
