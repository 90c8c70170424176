"""What is said of parameters without effect, and when."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.callbacks import ModelCheckpoint
from fastmlp.exceptions import IgnoredParameterWarning
from fastmlp.optimizers import AdamW
from tests.estimator_cases import TARGETS, X_SMALL, everything, own_target

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def ignored(call):
    """What a call says of parameters without effect."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    ours = [warning for warning in caught if warning.category is IgnoredParameterWarning]
    assert all(warning.filename == __file__ for warning in ours)
    return [str(warning.message) for warning in ours]


VOID = {"solver": AdamW(), "learning_rate_init": 0.1, "momentum": 0.5}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_a_fit_names_all_that_has_no_effect_once(cls):
    model = cls(hidden_layer_sizes=(3,), max_iter=3, **VOID)
    for _ in range(2):
        (message,) = ignored(lambda: model.fit(X_SMALL, own_target(cls)))
        assert message == (
            "learning_rate_init=0.1 has no effect beside solver=AdamW(), whose own counts: set solver__learning_rate."
            " momentum=0.5 has no effect beside solver=AdamW(), which has no such parameter."
        )
    model.set_params(learning_rate_init=0.001, momentum=0.9)
    assert ignored(lambda: model.fit(X_SMALL, own_target(cls))) == []


def test_a_search_over_a_parameter_without_effect_is_told_so():
    model = MLPClassifier((3,), solver=AdamW(), max_iter=3, random_state=0)
    search = GridSearchCV(model, {"learning_rate_init": [1e-5, 1e-3, 1.0]}, cv=2, refit=False)
    messages = ignored(lambda: search.fit(X_SMALL, TARGETS["multiclass"]))
    assert len(messages) == 4
    assert {message.partition(" ")[0] for message in messages} == {
        "learning_rate_init=1e-05",
        "learning_rate_init=1.0",
    }
    search = GridSearchCV(model, {"solver__learning_rate": [1e-5, 1e-3, 1.0]}, cv=2, refit=False)
    assert ignored(lambda: search.fit(X_SMALL, TARGETS["multiclass"])) == []
    pipeline = make_pipeline(StandardScaler(), clone(model).set_params(momentum=0.5))
    assert len(ignored(lambda: pipeline.fit(X_SMALL, TARGETS["multiclass"]))) == 1


def test_partial_fit_says_it_once():
    model = MLPClassifier((3,), **VOID)
    calls = [ignored(lambda: model.partial_fit(X_SMALL, TARGETS["multiclass"], classes=[0, 1, 2])) for _ in range(3)]
    assert [len(messages) for messages in calls] == [1, 0, 0]
    assert len(ignored(lambda: clone(model).partial_fit(X_SMALL, TARGETS["multiclass"], classes=[0, 1, 2]))) == 1


@pytest.mark.parametrize("given", [{"solver": "sgd"}, {"solver": "adam"}, {"solver": "lion"}], ids=str)
def test_partial_fit_says_that_a_rate_set_later_has_no_effect(given):
    """True: what comes of it is what comes without; and it is said again only when it is set anew."""
    y = TARGETS["multiclass"]
    model = MLPClassifier((3,), random_state=0, **given).partial_fit(X_SMALL, y, classes=[0, 1, 2])
    other = copy.deepcopy(model).set_params(learning_rate_init=0.5)

    def n_told(model, method="partial_fit", **changed):
        return len(ignored(lambda: getattr(model.set_params(**changed), method)(X_SMALL, y)))

    (message,) = ignored(lambda: other.partial_fit(X_SMALL, y))
    assert message == "learning_rate_init=0.5 has no effect, since training goes on with the optimizer it began with."
    assert [n_told(other), n_told(model), n_told(model)] == [0, 0, 0]
    np.testing.assert_array_equal(everything(model.partial_fit(X_SMALL, y)), everything(other.partial_fit(X_SMALL, y)))
    assert [n_told(other, learning_rate_init=rate) for rate in (0.001, 0.5, 0.5, 0.1)] == [0, 1, 0, 1]
    assert n_told(pickle.loads(pickle.dumps(model))) == 0
    # A fit makes its optimizer of what is set then.
    assert [n_told(other, "fit", learning_rate_init=0.2), n_told(other), n_told(other)] == [0, 0, 0]
    assert [n_told(other, learning_rate_init=0.1), n_told(other, "fit"), n_told(other)] == [1, 0, 0]
    assert n_told(other, learning_rate_init=0.2) == 1


def test_partial_fit_looks_into_objects():
    """A solver's parameters may change while it stays the object that it was."""
    y, model = TARGETS["multiclass"], MLPClassifier((3,), solver=AdamW())
    for rate, n_told in ((0.001, 0), (0.5, 1), (0.5, 0), (0.1, 1)):
        model.set_params(solver__learning_rate=rate)
        assert len(ignored(lambda: model.partial_fit(X_SMALL, y, classes=[0, 1, 2]))) == n_told


def test_what_may_change_between_calls_is_not_told():
    """It has an effect; a fit begins anew, with the rate that is set now, and so does a warm start."""
    model = MLPClassifier((3,), random_state=0).partial_fit(X_SMALL, TARGETS["multiclass"], classes=[0, 1, 2])
    for changed in ({"alpha": 1.0}, {"batch_size": 5}, {"l1": 0.1}, {"dropout": 0.5}, {"gradient_clip_norm": 0.1}):
        one, other = copy.deepcopy(model), copy.deepcopy(model).set_params(**changed)
        assert ignored(lambda other=other: other.partial_fit(X_SMALL, TARGETS["multiclass"])) == []
        assert (one.partial_fit(X_SMALL, TARGETS["multiclass"]).coefs_[0] != other.coefs_[0]).any()
    model.set_params(learning_rate_init=0.1, max_iter=3, warm_start=True)
    assert ignored(lambda: model.fit(X_SMALL, TARGETS["multiclass"])) == []
    assert model.history_["learning_rate"][-1] == 0.1
    assert ignored(lambda: model.set_params(warm_start=False, solver="sgd").fit(X_SMALL, TARGETS["multiclass"])) == []


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_standardize_set_later_has_no_effect(first, how):
    model = MLPClassifier((3,), random_state=0, standardize=first, max_iter=2, warm_start=how == "warm_start")
    ignored(lambda: model.fit(X_SMALL, TARGETS["multiclass"]))
    other = copy.deepcopy(model).set_params(standardize=not first)

    def goes_on(model):
        return (
            model.partial_fit(X_SMALL, TARGETS["multiclass"])
            if how == "partial_fit"
            else model.fit(X_SMALL, TARGETS["multiclass"])
        )

    assert ignored(lambda: goes_on(model)) == []
    message = f"standardize={not first} has no effect, since training goes on as it began."
    assert ignored(lambda: goes_on(other)) == [message]
    np.testing.assert_array_equal(model.predict_proba(X_SMALL), other.predict_proba(X_SMALL))


def test_resume_says_what_a_checkpoint_keeps(tmp_path):
    model = MLPClassifier((3,), max_iter=3, random_state=0, callbacks=[ModelCheckpoint(tmp_path / "model")])
    ignored(lambda: model.fit(X_SMALL, TARGETS["multiclass"]))
    resumed = fastmlp.load(tmp_path / "model").set_params(max_iter=6)
    assert ignored(lambda: resumed.resume(X_SMALL, TARGETS["multiclass"])) == []
    changed = fastmlp.load(tmp_path / "model").set_params(max_iter=6, learning_rate_init=0.5)
    (message,) = ignored(lambda: changed.resume(X_SMALL, TARGETS["multiclass"]))
    assert message.startswith("learning_rate_init=0.5 has no effect, since training goes on")
    np.testing.assert_array_equal(changed.coefs_[0], resumed.coefs_[0])
