"""What is said of parameters that have no effect on a fit to a table."""

import warnings

import numpy as np
import pytest

from fastmlp import TabularClassifier, TabularRegressor
from fastmlp.callbacks import Callback, ModelCheckpoint
from fastmlp.exceptions import IgnoredParameterWarning
from tests.tabular.problems import fitted, outputs, problem, small, uneven


class Watching(Callback):
    """Counts the trainings that have begun."""

    seen: list[int] = []

    def on_fit_begin(self, fit):
        Watching.seen.append(1)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"callbacks": [Watching()]},
            r"^callbacks=\[.*Watching.*\] has no effect with effort='fast', where members are",
        ),
        ({"scoring": "SCORER"}, "^scoring='SCORER' has no effect with effort='fast', where members are boosted trees"),
        ({"callbacks": [Watching()], "scoring": "SCORER"}, r"^callbacks=\[.*\] and scoring='SCORER' have no effect"),
    ],
)
def test_what_is_for_epochs_is_said_to_have_no_effect_on_boosted_trees(cls, parameters, said):
    X, y = problem(cls)
    scorer = "accuracy" if cls is TabularClassifier else "r2"
    given = {name: scorer if value == "SCORER" else value for name, value in parameters.items()}
    Watching.seen = []
    with pytest.warns(IgnoredParameterWarning, match=said.replace("SCORER", scorer)) as caught:
        estimator = small(cls, **given).fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert Watching.seen == []
    assert np.array_equal(outputs(estimator, X), outputs(fitted(cls), X))


def test_what_is_for_epochs_is_not_said_to_have_no_effect_where_there_are_networks(several_kinds, cls, tmp_path):
    X, y = problem(cls)
    given = {"callbacks": [Watching()], "scoring": "accuracy" if cls is TabularClassifier else "r2"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", IgnoredParameterWarning)
        small(cls, **given).fit(X, y)


def test_callbacks_beside_boosted_trees_are_for_the_networks_of_quantiles(tmp_path):
    rows, y, _ = uneven(60)
    reg = small(TabularRegressor, callbacks=[Watching()], scoring="r2", intervals="quantiles")
    Watching.seen = []
    with pytest.warns(IgnoredParameterWarning, match="^scoring='r2' has no effect"):
        reg.fit(rows, y)
    assert len(Watching.seen) == 4  # one network for each fold
    with warnings.catch_warnings():
        warnings.simplefilter("error", IgnoredParameterWarning)
        small(TabularRegressor, callbacks=[ModelCheckpoint(tmp_path / "m")]).fit(rows, y)
