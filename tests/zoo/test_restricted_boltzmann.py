"""The restricted Boltzmann machine as an estimator."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp.callbacks import EarlyStopping
from fastmlp.exceptions import PartitionWarning
from fastmlp.inspection import TrainingCurveDisplay, WeightsDisplay
from fastmlp.zoo import RestrictedBoltzmannMachine
from fastmlp.zoo.partition import annealed, enumerated
from tests.files import Forgery, assert_refused, made, put, shape, values
from tests.zoo import contract
from tests.zoo import oracle_restricted as oracle

X_DIGITS = (load_digits().data > 7).astype(np.float64)
METHODS = ("transform", "free_energy", "score_samples", "gibbs")


def small(**how):
    return RestrictedBoltzmannMachine(**{"n_components": 8, "max_iter": 3, "random_state": 0, **how})


@pytest.fixture(scope="module")
def digits():
    """A machine of 10 hidden units that has learned digits."""
    return small(n_components=10, max_iter=40).fit(X_DIGITS)


@parametrize_with_checks(
    [
        RestrictedBoltzmannMachine(8, visible="normal", max_iter=2, random_state=0),
        # scikit-learn's checks have data of their own, which are no bits.
        make_pipeline(MinMaxScaler(clip=True), RestrictedBoltzmannMachine(8, max_iter=2, random_state=0)),
    ],
    expected_failed_checks=lambda estimator: dict.fromkeys(
        ("check_estimators_overwrite_params", "check_dont_overwrite_parameters") * isinstance(estimator, Pipeline),
        "a pipeline fits its steps in place",
    ),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- likelihoods -----------------------------------------------------------------------------------------------------


def test_log_partition_by_enumeration_is_that_of_the_oracle():
    params = oracle.machine(9, 6, seed=1)
    for each in (params, params.T.copy()):
        assert enumerated(each, normal=False) == pytest.approx(oracle.log_partition(params), abs=1e-10)
    assert enumerated(np.zeros((18, 18)), normal=False) is None
    assert enumerated(np.zeros((2, 18)), normal=True) is None


def test_log_partition_of_normal_units_is_an_integral():
    params = oracle.machine(1, 4, seed=2)
    v = np.linspace(-15, 15, 20001)[:, None]
    sum_ = np.exp(-oracle.free_energies(params, v, normal=True)).sum() * (v[1, 0] - v[0, 0])
    assert enumerated(params, normal=True) == pytest.approx(np.log(sum_), abs=1e-9)


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_annealing_finds_the_log_partition(normal, dtype):
    params = oracle.machine(40, 10, seed=3).astype(dtype)
    exact = enumerated(params, normal=normal)
    found, error = annealed(
        params, np.linspace(-1, 1, 40), normal=normal, n_chains=200, n_temperatures=1000, seed=0, n_threads=2
    )
    assert abs(found - exact) < 0.1
    assert abs(found - exact) < 4 * error
    again, _ = annealed(params, np.linspace(-1, 1, 40), normal=normal, n_chains=200, n_temperatures=1000, seed=0)
    assert again == found


def test_ten_hidden_units_by_annealing(digits):
    exact = digits.log_partition_
    assert exact == pytest.approx(enumerated(digits._params(), normal=False), abs=1e-9)
    found, _ = clone(digits).fit(X_DIGITS).estimate_log_partition(200, 2000)
    assert abs(found - exact) < 0.1


def test_likelihoods_are_those_of_the_oracle(digits):
    params = digits._params()
    np.testing.assert_allclose(digits.free_energy(X_DIGITS), oracle.free_energies(params, X_DIGITS), atol=1e-9)
    log_partition = oracle.log_partition_by_hidden_units(params)
    np.testing.assert_allclose(digits.score_samples(X_DIGITS), -digits.free_energy(X_DIGITS) - log_partition, atol=1e-9)
    assert digits.score(X_DIGITS) == pytest.approx(digits.score_samples(X_DIGITS).mean())
    # Independent pixels of the right means are worse.
    p = X_DIGITS.mean(axis=0).clip(1e-9, 1 - 1e-9)
    assert digits.score(X_DIGITS) > (X_DIGITS * np.log(p) + (1 - X_DIGITS) * np.log1p(-p)).sum(axis=1).mean() + 4


def test_the_slope_of_free_energies_by_finite_differences(digits):
    """The gradient of the mean free energy by the parameters is minus the mean of v h, v and h."""
    v, params, step = X_DIGITS[:20], digits._params(), 1e-5
    exact = -oracle.products(params, v).mean(axis=0)
    random = np.random.RandomState(0)
    for i, j in zip(random.randint(65, size=30), random.randint(11, size=30), strict=True):
        if (i, j) == (64, 10):
            continue
        sides = []
        for sign in (1, -1):
            moved = params.copy()
            moved[i, j] += sign * step
            model = clone(digits)
            vars(model).update(vars(digits))
            model._keep(moved, 0)
            sides.append(model.free_energy(v).mean())
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(exact[i, j], abs=1e-6)


def test_pseudo_likelihood_is_that_of_all_units_on_average(digits):
    v, params = X_DIGITS[:300], digits._params()
    exact = np.zeros(len(v))
    for i in range(64):
        flipped = v.copy()
        flipped[:, i] = 1 - flipped[:, i]
        exact -= np.logaddexp(0, oracle.free_energies(params, v) - oracle.free_energies(params, flipped))
    found = np.array([digits.pseudo_likelihood(v, random_state=seed).mean() for seed in range(20)])
    assert abs(found.mean() - exact.mean()) < 4 * found.std() / np.sqrt(20)
    few = small(n_components=3, max_iter=1).fit(X_DIGITS[:, 20:23])
    states = X_DIGITS[:50, 20:23]  # of three units, all are predicted
    exact = np.zeros(50)
    for i in range(3):
        flipped = states.copy()
        flipped[:, i] = 1 - flipped[:, i]
        exact -= np.logaddexp(
            0, oracle.free_energies(few._params(), states) - oracle.free_energies(few._params(), flipped)
        )
    np.testing.assert_allclose(few.pseudo_likelihood(states), exact, atol=1e-9)


def test_an_uncertain_estimate_is_said():
    params = oracle.machine(30, 40, seed=5, scale=2)
    model = small(n_components=40).fit(X_DIGITS[:, :30])
    model._keep(params, 0)
    with pytest.warns(PartitionWarning, match=r"log Z is uncertain: the weights of 10 chains through 5 temperatures"):
        model.estimate_log_partition(10, 5)


# ---- samples ---------------------------------------------------------------------------------------------------------


def test_samples_have_the_moments_that_the_machine_says():
    model = small(n_components=5, max_iter=60, learning="pcd").fit(X_DIGITS[:, 18:24])
    params, states = model._params(), oracle.all_bits(6)
    chances = np.exp(-oracle.free_energies(params, states) - oracle.log_partition(params))
    drawn = model.sample(20000, 60)
    assert drawn.shape == (20000, 6)
    expected = states.T @ (chances[:, None] * states)
    np.testing.assert_allclose(drawn.T @ drawn / len(drawn), expected, atol=4 * 0.5 / np.sqrt(20000))


def test_gibbs_keeps_the_distribution_of_samples(digits):
    v = digits.sample(2000, 200)
    moved = digits.gibbs(v, 50, random_state=1)
    assert (moved != v).any()
    assert set(np.unique(moved)) == {0.0, 1.0}
    assert abs(digits.free_energy(moved).mean() - digits.free_energy(v).mean()) < 1
    np.testing.assert_array_equal(digits.gibbs(scipy.sparse.csr_array(v), 3), digits.gibbs(v, 3))
    np.testing.assert_array_equal(v, digits.sample(2000, 200))


def test_normal_units_learn_two_clusters():
    random = np.random.RandomState(0)
    centres = np.array([[4.0, 0.0], [0.0, 4.0]])
    X = centres[random.randint(2, size=1000)] + random.normal(size=(1000, 2))
    model = small(n_components=4, visible="normal", max_iter=60, learning_rate_init=0.02).fit(X)
    one_normal = -0.5 * (np.log(np.linalg.det(np.cov(X.T))) + 2 + 2 * np.log(2 * np.pi))
    assert model.score(X) > one_normal + 0.2
    drawn = model.sample(1000, 200)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(X.T), atol=1)
    with pytest.raises(ValueError, match="pseudo_likelihood is for visible='bernoulli'"):
        model.pseudo_likelihood(X)


def test_inverse_transform(digits):
    found = digits.inverse_transform(np.ones((2, 10)))
    expected = 1 / (1 + np.exp(-digits.components_.sum(axis=0) - digits.intercept_visible_))
    np.testing.assert_allclose(found, [expected] * 2, atol=1e-12)
    for wrong in (np.ones((2, 9)), np.ones(10)):
        with pytest.raises(ValueError, match="a column for each of the 10 hidden units; got shape"):
            digits.inverse_transform(wrong)
    harmed = np.ones((2, 10))
    for wrong in (np.nan, np.inf):
        harmed[1, 3] = wrong
        with pytest.raises(ValueError, match="Input X contains"):
            digits.inverse_transform(harmed)


@pytest.mark.parametrize("wrong", [0, -1, "a", 2.5, True])
def test_counts_that_are_none(digits, wrong):
    for call, name in [
        (lambda: digits.gibbs(X_DIGITS[:3], n_steps=wrong), "n_steps"),
        (lambda: digits.sample(wrong), "n_samples"),
        (lambda: digits.sample(2, n_steps=wrong), "n_steps"),
        (lambda: digits.estimate_log_partition(wrong), "n_chains"),
        (lambda: digits.estimate_log_partition(n_temperatures=wrong), "n_temperatures"),
    ]:
        with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1; got {wrong!r}"):
            call()


# ---- fits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"learning": "pcd"}, {"sparsity_target": 0.1}, {"visible": "normal"}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_for_any_threads(how, dtype):
    X = X_DIGITS[:200].astype(dtype)
    contract.assert_same_bits_for_any_threads(small(**how, early_stopping=True, n_gibbs=2), X, methods=METHODS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types(dtype):
    model = small().fit(X_DIGITS[:200].astype(dtype))
    assert {a.dtype for a in (model.components_, model.intercept_hidden_, model.base_biases_)} == {np.dtype(dtype)}
    for method in ("transform", "gibbs"):
        assert getattr(model, method)(X_DIGITS[:5].astype(dtype)).dtype == dtype
    for other in (X_DIGITS[:200].astype(bool), X_DIGITS[:200].astype(np.uint8), scipy.sparse.csr_array(X_DIGITS[:200])):
        again = small().fit(other)
        assert again.components_.dtype == np.float64
        if dtype == np.float64:
            np.testing.assert_array_equal(again.components_, model.components_)
            np.testing.assert_array_equal(again.transform(other), model.transform(X_DIGITS[:200]))


def test_history_and_early_stopping():
    model = small(max_iter=200, early_stopping=True, n_iter_no_change=2, tol=0.05).fit(X_DIGITS)
    assert 3 <= model.n_iter_ < 200
    lengths = {name: len(values) for name, values in model.history_.items()}
    assert lengths == dict.fromkeys(
        ("loss", "learning_rate", "seconds", "validation_loss", "free_energy_gap"), model.n_iter_
    )
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    by_callback = small(
        max_iter=200, early_stopping=True, callbacks=[EarlyStopping(monitor="free_energy_gap", patience=1)]
    )
    assert by_callback.fit(X_DIGITS).n_iter_ < 200
    assert "validation_loss" not in small().fit(X_DIGITS).history_


def test_displays_take_it():
    model = small(n_components=9, early_stopping=True).fit(X_DIGITS)
    display = TrainingCurveDisplay.from_estimator(model)
    assert set(display.lines_) == {"loss", "validation_loss", "free_energy_gap"}
    assert [axes.get_ylabel() for axes in display.axes_] == ["Loss", "free_energy_gap"]
    image = WeightsDisplay.from_estimator(model).images_[8]
    np.testing.assert_array_equal(image.get_array(), model.components_[8].reshape(8, 8))
    plt.close("all")


def test_a_linear_schedule_falls_to_nothing():
    model = small(max_iter=4, learning_rate="linear", learning_rate_init=0.04).fit(X_DIGITS)
    np.testing.assert_allclose(model.history_["learning_rate"], [0.04, 0.03, 0.02, 0.01])


def test_a_sparsity_target_is_come_close_to():
    rates = [
        small(n_components=30, max_iter=20, sparsity_target=p, sparsity_cost=1.0)
        .fit(X_DIGITS)
        .transform(X_DIGITS)
        .mean()
        for p in (None, 0.1)
    ]
    assert abs(rates[1] - 0.1) < 0.05 < abs(rates[0] - 0.1)


@pytest.mark.parametrize("learning", ["cd", "pcd"])
def test_partial_fit_goes_on(learning, tmp_path):
    how = {"learning": learning, "n_early_epochs": 2, "sparsity_target": 0.2, "learning_rate_init": 0.05}
    model = small(**how)
    for _ in range(4):
        model.partial_fit(X_DIGITS)
    assert (model.n_iter_, model.t_) == (4, 4 * 57)
    assert len(model.history_["loss"]) == 4
    half = small(**how).partial_fit(X_DIGITS).partial_fit(X_DIGITS)
    contract.assert_comes_back_from_a_file(half, X_DIGITS, tmp_path / "half", METHODS)
    rest = fastmlp.load(tmp_path / "half").partial_fit(X_DIGITS).partial_fit(X_DIGITS)
    np.testing.assert_array_equal(rest.components_, model.components_)
    assert model.score(X_DIGITS) > small(**how).partial_fit(X_DIGITS).score(X_DIGITS)


def test_partial_fit_after_parameters_were_changed():
    model = small(learning="pcd").partial_fit(X_DIGITS)
    model.set_params(batch_size=50).partial_fit(X_DIGITS)
    assert model._going_on["chains"].shape == (50, 8)
    model.set_params(learning="cd").partial_fit(X_DIGITS)
    assert model._going_on["chains"].shape == (0, 8)
    fitted = small().fit(X_DIGITS)
    before = fitted.score(X_DIGITS)
    assert fitted.partial_fit(X_DIGITS).score(X_DIGITS) != before
    assert "_going_on" not in vars(fitted.fit(X_DIGITS))


def test_a_sparsity_target_set_later_begins_as_one_set_before():
    model = small().partial_fit(X_DIGITS)
    assert not model._going_on["activities"].any()
    model.set_params(sparsity_target=0.3, sparsity_cost=1e-9).partial_fit(X_DIGITS[:1])
    # A running mean, which one batch changes by a tenth at most.
    assert (np.abs(model._going_on["activities"] - 0.3) < 0.2).all()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"n_components": 9}, "n_components=9 was set after a fit with 8 hidden units; call fit again"),
        ({"visible": "normal"}, "visible='normal' was set after a fit with visible='bernoulli'; call fit again"),
    ],
)
def test_another_machine_than_was_fitted_is_refused(how, told):
    for model in (small().fit(X_DIGITS), small().partial_fit(X_DIGITS)):
        model.set_params(**how)
        for method in (*METHODS, "partial_fit"):
            contract.assert_refused_without_a_trace(
                model, lambda m, method=method: getattr(m, method)(X_DIGITS), ValueError, told
            )
        for call in (lambda m: m.sample(), lambda m: m.log_partition_, lambda m: m.inverse_transform(np.ones((1, 8)))):
            contract.assert_refused_without_a_trace(model, call, ValueError, told)
        assert model.fit(X_DIGITS).transform(X_DIGITS).shape[1] == model.n_components


def test_features_for_a_classifier_in_a_search():
    X, y = load_digits(return_X_y=True)
    pipeline = make_pipeline(
        MinMaxScaler(clip=True),
        RestrictedBoltzmannMachine(100, batch_size=10, random_state=0),
        LogisticRegression(C=100, max_iter=2000),
    )
    search = GridSearchCV(pipeline, {"restrictedboltzmannmachine__max_iter": [1, 20]}, cv=3).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0] + 0.02
    assert scores[1] > 0.9
    names = pipeline[:-1].fit(X).get_feature_names_out()
    assert names[-1] == "restrictedboltzmannmachine99"


# ---- files and bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"visible": "normal", "learning": "pcd"}])
def test_files(how, tmp_path):
    contract.assert_comes_back_from_a_file(small(**how).fit(X_DIGITS[:100]), X_DIGITS, tmp_path / "m", METHODS)


def put_going_on(name, value):
    """Return an edit that puts a value into what partial_fit goes on from."""

    def edit(forged):
        pairs = forged.tree["state"]["_going_on"]["dict"]
        (pair,) = (pair for pair in pairs if pair[0] == name)
        pair[1] = value
        forged.drop(f"_going_on.{name}")

    return edit


HARM = {
    "components_ of integers": (values("components_", np.zeros((8, 64), np.int64)), "components_ is no matrix"),
    "components_ of another shape": (shape("components_", (7, 64)), "intercept_hidden_ does not fit"),
    "visible biases of another shape": (shape("intercept_visible_", (63,)), "intercept_visible_ does not fit"),
    "base_biases_ of another type": (values("base_biases_", np.zeros(64, np.float32)), "base_biases_ does not fit"),
    "other n_features_in_": (put("n_features_in_", 5), "n_features_in_ must be 64"),
    "t_ as a text": (put("t_", "many"), "t_ is no count"),
    "too many jobs": (put("n_jobs", 10**6), "n_jobs"),
    "no going on": (
        lambda forged: (put("_going_on", 1)(forged), forged.drop("_going_on")),
        "_going_on is not what partial_fit leaves",
    ),
    "epochs as a text": (put_going_on("n_epochs", "many"), "_going_on has no counts"),
    "chains as numbers": (put_going_on("chains", 3), "_going_on does not fit"),
    "a slot of another shape": (shape("_going_on.slot", (65, 8)), "_going_on does not fit"),
    "chains of another shape": (shape("_going_on.chains", (32, 7)), "_going_on does not fit"),
    "log Z as a text": (put("_log_partition", "much"), "_log_partition is no number"),
}


@pytest.fixture(scope="module")
def content():
    return made(small(learning="pcd").partial_fit(X_DIGITS[:50]))


@pytest.mark.parametrize("harm", HARM)
def test_forged_files_are_refused(harm, content, tmp_path):
    edit, match = HARM[harm]
    forged = Forgery(content)
    edit(forged)
    assert_refused(tmp_path / "forged", forged, match)


@pytest.mark.parametrize(
    ("how", "X", "match"),
    [
        ({}, X_DIGITS + 0.01, r"X must have values from 0 to 1.*got values from 0.01 to 1.01"),
        ({}, -X_DIGITS, r"got values from -1 to -0"),
        ({}, scipy.sparse.csr_array(X_DIGITS * 3), r"got values from 3 to 3"),
        ({"visible": "gaussian"}, X_DIGITS, "'visible' parameter .*must be a str among"),
        ({"learning": "ais"}, X_DIGITS, "'learning' parameter"),
        ({"n_gibbs": 0}, X_DIGITS, "'n_gibbs' parameter"),
        ({"sparsity_target": 1.0}, X_DIGITS, "'sparsity_target' parameter"),
        ({"n_components": True}, X_DIGITS, "n_components must be an integer of at least 1; got True"),
        ({"n_components": 10**30}, X_DIGITS, r"'n_components' parameter .* in the range \[1, 2147483647\]"),
        ({"n_gibbs": True}, X_DIGITS, "n_gibbs must be an integer of at least 1; got True"),
        ({"n_gibbs": 10**30}, X_DIGITS, r"'n_gibbs' parameter .* in the range \[1, 2147483647\]"),
        ({"batch_size": True}, X_DIGITS, "batch_size must be an integer of at least 1; got True"),
        ({"batch_size": 10**30, "learning": "pcd"}, X_DIGITS, "batch_size=10{30} is the number of chains"),
        ({"early_stopping": True}, X_DIGITS[:1], "validation_fraction"),
        ({}, X_DIGITS * np.nan, "contains NaN"),
    ],
)
def test_refused_without_a_trace(how, X, match):
    contract.assert_refused_without_a_trace(small(**how), lambda model: model.fit(X), ValueError, match)
    fitted = small().fit(X_DIGITS)
    fitted.set_params(**how)
    contract.assert_refused_without_a_trace(fitted, lambda model: model.fit(X), ValueError, match)


def test_values_that_are_no_bits_are_refused_later_too(digits):
    for method in ("transform", "free_energy", "score_samples", "gibbs", "pseudo_likelihood", "partial_fit"):
        with pytest.raises(ValueError, match=r"X must have values from 0 to 1"):
            getattr(clone(digits).fit(X_DIGITS[:40]), method)(2 * X_DIGITS)


def test_divergence_is_an_error_that_loses_nothing():
    X = np.random.RandomState(0).normal(0, 1e37, (100, 5)).astype(np.float32)
    model = small(visible="normal", learning_rate_init=1e3)
    contract.assert_refused_without_a_trace(
        model, lambda model: model.fit(X), ValueError, "numbers that are not finite"
    )
