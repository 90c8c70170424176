"""HopfieldNetwork: rules against obvious loops, capacities, recall, what is refused."""

import copy

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp.exceptions import IgnoredParameterWarning, UnsettledWarning
from fastmlp.zoo import HopfieldNetwork
from tests.zoo.contract import (
    assert_comes_back_from_a_file,
    assert_refused_without_a_trace,
    assert_same_bits_for_any_threads,
)

RULES = ("hebb", "storkey", "pseudo_inverse", "modern")


def signs(n_patterns, n, seed=0):
    return np.random.default_rng(seed).choice([-1.0, 1.0], (n_patterns, n))


def noisy(patterns, share, seed=1):
    return np.where(np.random.default_rng(seed).random(patterns.shape) < share, -patterns, patterns)


# Rows of any numbers are none of -1 and 1, so that scikit-learn's checks need binarize, or the modern rule.
@parametrize_with_checks([*(HopfieldNetwork(rule, binarize=0.0) for rule in RULES[:3]), HopfieldNetwork("modern")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- rules -----------------------------------------------------------------------------------------------------------


def test_hebbs_rule():
    X = signs(7, 30)
    wanted = sum(np.outer(x, x) for x in X) / 30
    np.fill_diagonal(wanted, 0)
    model = HopfieldNetwork().fit(X)
    np.testing.assert_array_equal(model.weights_, wanted)
    assert model.n_patterns_ == 7
    once = HopfieldNetwork(random_state=0).fit(X)
    after = HopfieldNetwork(random_state=0)
    for x in X:
        after.partial_fit([x])
    np.testing.assert_array_equal(after.weights_, once.weights_)


def test_storkeys_rule():
    n, X = 17, signs(150, 17)
    weights = np.zeros((n, n))
    for x in X:
        change = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                others = [k for k in range(n) if k not in (i, j)]
                h_ij, h_ji = weights[i, others] @ x[others], weights[j, others] @ x[others]
                change[i, j] = (x[i] * x[j] - x[i] * h_ji - h_ij * x[j]) / n
        weights = weights + change
        np.fill_diagonal(weights, 0)
    model = HopfieldNetwork("storkey").fit(X)
    np.testing.assert_allclose(model.weights_, weights, rtol=1e-9, atol=1e-9 * np.abs(weights).max())
    parts = HopfieldNetwork("storkey").partial_fit(X[:11]).partial_fit(X[11:90]).partial_fit(X[90:])
    np.testing.assert_allclose(parts.weights_, weights, rtol=1e-9, atol=1e-9 * np.abs(weights).max())
    assert parts.n_patterns_ == 150


def test_the_pseudo_inverse():
    X = signs(12, 40)
    X[7] = -X[3]  # patterns may depend on each other
    model = HopfieldNetwork("pseudo_inverse").fit(X)
    wanted = np.linalg.pinv(X) @ X
    np.fill_diagonal(wanted, 0)
    np.testing.assert_allclose(model.weights_, wanted, atol=1e-12)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        model.partial_fit  # noqa: B018
    assert "rule='storkey' learns one after another" in str(caught.value.__cause__ or caught.value)


def test_modern_steps():
    rng = np.random.default_rng(0)
    X, states = rng.standard_normal((9, 5)), rng.standard_normal((4, 5))
    model = HopfieldNetwork("modern", beta=2.5).fit(X)
    shares = np.exp(2.5 * states @ X.T)
    wanted = shares / shares.sum(axis=1, keepdims=True) @ X
    np.testing.assert_allclose(model.predict(states), wanted, rtol=1e-12)
    energies = (
        -np.log(shares.sum(axis=1)) / 2.5 + (states**2).sum(axis=1) / 2 + np.log(9) / 2.5 + (X**2).sum(axis=1).max() / 2
    )
    np.testing.assert_allclose(model.energy(states), energies, rtol=1e-12)
    settled = HopfieldNetwork("modern", beta=2.5, max_iter=5000, tol=1e-12).fit(X)
    rest = settled.predict(states)
    np.testing.assert_allclose(settled.predict(rest), rest, atol=1e-10)
    sweeps, energies = settled.recall_energies(states)
    assert energies.shape == (4, len(sweeps))
    assert (np.diff(energies) <= 1e-12).all()
    more = HopfieldNetwork("modern", beta=2.5).partial_fit(X[:4]).partial_fit(X[4:])
    np.testing.assert_array_equal(more.patterns_, model.patterns_)


# ---- what is known of capacities -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "overlap", "spread"), [(0.05, 1.0, 0.0005), (0.10, 0.998, 0.001), (0.12, 0.994, 0.004)]
)
def test_hebbs_overlaps(load, overlap, spread):
    X = signs(round(1000 * load), 1000)
    recalled = HopfieldNetwork(random_state=0).fit(X).predict(X)
    assert abs((recalled * X).mean() - overlap) <= spread


def test_hebb_forgets_beyond_its_capacity():
    X = signs(250, 1000)
    assert (HopfieldNetwork(random_state=0, max_iter=1000).fit(X).predict(X) * X).mean() < 0.5


@pytest.mark.parametrize(("rule", "load"), [("storkey", 0.25), ("pseudo_inverse", 0.9)])
def test_better_rules_store_more(rule, load):
    X = signs(round(500 * load), 500)
    np.testing.assert_array_equal(HopfieldNetwork(rule).fit(X).predict(X), X)


def test_a_modern_step_recalls_exponentially_many():
    X = signs(1000, 64)
    recalled = HopfieldNetwork("modern").fit(X).predict(noisy(X, 0.05))
    assert (HopfieldNetwork("modern").fit(X).predict(X) * X).mean(axis=1).min() > 0.999
    assert (recalled * X).mean() > 0.99


# ---- recall ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES[:3])
def test_recall(rule):
    X = signs(10, 200)
    model = HopfieldNetwork(rule, random_state=0).fit(X)
    cues = noisy(X, 0.2)
    np.testing.assert_array_equal(model.predict(cues), X)
    np.testing.assert_array_equal(model.transform(cues), X)
    np.testing.assert_allclose(
        model.energy(cues), -np.einsum("ri,ij,rj->r", cues, model.weights_, cues) / 2, rtol=1e-10
    )
    sweeps, energies = model.recall_energies(cues, n_points=7)
    assert sweeps[0] == 0 and sweeps[-1] == int(sweeps[-1]) and (np.diff(sweeps) > 0).all()
    np.testing.assert_allclose(energies[:, 0], model.energy(cues), rtol=1e-10)
    np.testing.assert_allclose(energies[:, -1], model.energy(X), rtol=1e-10)
    assert (np.diff(energies) <= 1e-9).all()


def test_what_is_recalled_has_the_type_of_what_is_given():
    X = signs(3, 30)
    for rule in RULES:
        model = HopfieldNetwork(rule).fit(X.astype(np.float32))
        assert model.predict(X.astype(np.float32)).dtype == np.float32
        assert rule == "modern" or model.weights_.dtype == model.predict(X).dtype == np.float64
    assert HopfieldNetwork().fit(X.astype(np.int8)).predict(X.astype(np.int8)).dtype == np.float64


def test_states_that_have_not_settled_are_told():
    X = signs(200, 200)
    model = HopfieldNetwork(max_iter=1, random_state=0).fit(X)
    with pytest.warns(UnsettledWarning, match=r"\d+ states of 200 still changed after max_iter=1\."):
        model.predict(X)
    modern = HopfieldNetwork("modern", beta=0.01, max_iter=1).fit(X[:20])
    with pytest.warns(UnsettledWarning, match="20 states of 20"):
        modern.predict(X[:20])


@pytest.mark.parametrize("rule", RULES)
def test_the_same_bits_for_any_threads(rule):
    X = signs(100, 150)
    parameters = {"binarize": None, "max_iter": None if rule == "modern" else 1000}
    assert_same_bits_for_any_threads(
        HopfieldNetwork(rule, random_state=0, **parameters), X, methods=["predict", "energy"]
    )


@pytest.mark.parametrize("rule", RULES)
def test_files(rule, tmp_path):
    model = HopfieldNetwork(rule, random_state=3).fit(signs(5, 30))
    assert_comes_back_from_a_file(model, noisy(signs(5, 30), 0.2), tmp_path / "model", ["predict", "energy"])


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[0, 1, 1], [1, 0, 1]], r"X\[0, 0\] is 0, but .* -1 or 1\. All of X is 0 or 1: 2 \* X - 1 .* binarize=0\.5"),
        ([[1, -1, 0.3], [1, 1, 1]], r"X\[0, 2\] is 0\.3, .*With binarize=t, what is larger .* rule='modern'"),
        ([[1, -1, np.nan], [1, 1, 1]], "NaN"),
        ([[1, -1, 2], [1, 1, 1]], r"X\[0, 2\] is 2, "),
    ],
)
def test_patterns_that_are_no_signs(X, message, fitted):
    model = HopfieldNetwork()
    if fitted:
        model.fit(signs(2, 3))
        assert_refused_without_a_trace(model, lambda m: m.predict(X), ValueError, message)
        assert_refused_without_a_trace(model, lambda m: m.energy(X), ValueError, message)
    assert_refused_without_a_trace(model, lambda m: m.fit(X), ValueError, message)
    assert_refused_without_a_trace(model, lambda m: m.partial_fit(X), ValueError, message)


def test_binarize():
    X = (signs(4, 60) + 1) / 2
    model = HopfieldNetwork(binarize=0.5).fit(X)
    np.testing.assert_array_equal(model.predict(X), 2 * X - 1)


@pytest.mark.parametrize(
    ("rule", "ignored"), [("modern", {"binarize": 0.5}), ("hebb", {"beta": 2.0}), ("storkey", {"tol": 0.1})]
)
def test_parameters_without_effect_are_told(rule, ignored):
    ((name, value),) = ignored.items()
    with pytest.warns(IgnoredParameterWarning, match=f"{name}={value} has no effect with rule='{rule}'"):
        HopfieldNetwork(rule, **ignored).fit(signs(3, 20))


@pytest.mark.parametrize(("name", "value"), [("binarize", "x"), ("max_iter", 0), ("tol", -1), ("beta", 0)])
def test_parameters_that_are_set_to_what_cannot_be_after_a_fit(name, value):
    model = HopfieldNetwork().fit(signs(3, 20)).set_params(**{name: value})
    for call in (lambda m: m.partial_fit(signs(1, 20)), lambda m: m.predict(signs(1, 20))):
        assert_refused_without_a_trace(model, call, ValueError, f"'{name}' parameter .* Got {value!r}")


@pytest.mark.parametrize(("scale", "dtype"), [(1e200, np.float64), (1e25, np.float32)])
def test_modern_patterns_that_are_too_large(scale, dtype):
    X = np.random.default_rng(0).standard_normal((6, 5)).astype(dtype)
    large, told = X * dtype(scale), f"beta=1, are too large for {np.dtype(dtype)}: X has values of up to .*; scale"
    assert_refused_without_a_trace(HopfieldNetwork("modern"), lambda m: m.fit(large), ValueError, told)
    model = HopfieldNetwork("modern").fit(X)
    for name in ("predict", "energy", "recall_energies", "partial_fit"):
        assert_refused_without_a_trace(model, lambda m, name=name: getattr(m, name)(large), ValueError, told)
    # Next to the bound the softmax is all of the pattern with the largest product.
    just = X * dtype(np.sqrt(np.finfo(dtype).max) / 20)
    recalled = HopfieldNetwork("modern").fit(just).predict(just)
    np.testing.assert_array_equal(recalled, just[(X @ X.T).argmax(axis=1)])
    assert np.isfinite(HopfieldNetwork("modern").fit(just).energy(just)).all()
    with pytest.raises(ValueError, match=r"beta=1e\+308, are too large for"):
        model.set_params(beta=1e308).predict(X)


def test_rules_that_are_changed_after_fit():
    for rule in ("modern", "storkey"):
        model = HopfieldNetwork().fit(signs(3, 20)).set_params(rule=rule)
        for call in (lambda m: m.predict(signs(1, 20)), lambda m: m.partial_fit(signs(1, 20))):
            told = f"rule='{rule}' was set after a fit with rule='hebb'; fit again"
            assert_refused_without_a_trace(model, call, ValueError, told)
    model.set_params(rule="modern")
    again = model.fit(signs(3, 20))
    assert not hasattr(again, "weights_")


HARM = {
    "weights_": [np.zeros((4, 4)), np.zeros((5, 5), dtype=np.float32), np.full((5, 5), np.nan), np.eye(5), [1.0],
                 np.triu(np.ones((5, 5)), 1)],
    "n_patterns_": [0, -1, "many"],
    "n_features_in_": [6, 0, None],
    "_seed": [-1, None],
    "_rule": ["modern", "other", None, ["hebb"]],
    "n_jobs": [10**6],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in HARM for value in HARM[name]])
def test_forged_files_are_refused(name, value):
    model = HopfieldNetwork().fit(signs(3, 5))
    model.check_state()
    forged = copy.copy(model)
    vars(forged)[name] = value
    with pytest.raises(ValueError, match=r"weights_|n_patterns_|n_features_in_|_seed|_rule|patterns_|n_jobs"):
        forged.check_state()


@pytest.mark.parametrize("value", [np.ones((2, 5)), np.full((3, 5), np.inf), np.ones((3, 5), dtype=int), None])
def test_forged_modern_files_are_refused(value):
    model = HopfieldNetwork("modern").fit(signs(3, 5))
    model.check_state()
    vars(model)["patterns_"] = value
    with pytest.raises(ValueError, match="patterns_"):
        model.check_state()


def test_the_warning_is_public():
    assert fastmlp.exceptions.UnsettledWarning is UnsettledWarning
