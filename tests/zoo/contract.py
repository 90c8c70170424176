"""What every estimator of the zoo is held to, whatever it learns; each family's tests call these."""

import copy

import numpy as np
import pytest
from sklearn.base import clone

import fastmlp
from fastmlp import zoo
from tests.files import same


def fitted(estimator, X, y=None):
    """Return a fitted clone."""
    return clone(estimator).fit(X) if y is None else clone(estimator).fit(X, y)


def learned(model):
    """Return what a fit has left in an estimator, by name: all public attributes that end in an underscore."""
    return {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}


def assert_same_bits_for_any_threads(estimator, X, y=None, methods=()):
    """Fits in one, two and three threads leave the same attributes, and the methods return the same."""
    one, *others = (fitted(estimator.set_params(n_jobs=n_jobs), X, y) for n_jobs in (1, 2, 3))
    timeless = {name: value for name, value in learned(one).items() if name != "history_"}
    assert timeless
    for other in others:
        for name, value in timeless.items():
            assert same(value, getattr(other, name)), name
        for method in methods:
            np.testing.assert_array_equal(getattr(one, method)(X), getattr(other, method)(X), err_msg=method)


def assert_comes_back_from_a_file(model, X, path, methods):
    """A model that is saved and loaded has the same attributes and parameters, and its methods return the same."""
    assert type(model).__name__ in zoo.__all__
    fastmlp.save(model, path)
    loaded = fastmlp.load(path)
    assert type(loaded) is type(model)
    assert learned(loaded).keys() == learned(model).keys()
    for name, value in learned(model).items():
        assert same(value, getattr(loaded, name)), name
    assert {k: repr(v) for k, v in loaded.get_params().items()} == {k: repr(v) for k, v in model.get_params().items()}
    for method in methods:
        np.testing.assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X), err_msg=method)


def assert_refused_without_a_trace(model, call, error, match):
    """A call that fails leaves a fitted or new estimator exactly as it was, each attribute the same object."""
    before = vars(model).copy()
    with pytest.raises(error, match=match):
        call(model)
    assert vars(model).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(model).items())


def assert_samples_are_of_the_estimators_seed(model):
    """Without a random_state of its own, sample takes that of the estimator, an integer or a generator."""
    model = copy.copy(model)
    expected = model.set_params(random_state=7).sample(3, random_state=7)
    np.testing.assert_array_equal(model.sample(3), expected)
    np.testing.assert_array_equal(model.sample(3), expected)
    model.set_params(random_state=np.random.RandomState(7))
    np.testing.assert_array_equal(model.sample(3), expected)
    assert not np.array_equal(model.sample(3), expected)
