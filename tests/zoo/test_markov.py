"""MarkovChain: counts against loops, chains with known answers, sequences of every kind, what is refused."""

import copy
import pickle
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks

from fastmlp.exceptions import ReducibleChainWarning, UnseenTransitionsWarning
from fastmlp.zoo import MarkovChain
from fastmlp.zoo.stationary import closed_classes, stationary_distribution
from tests.files import same
from tests.zoo.contract import assert_comes_back_from_a_file, assert_refused_without_a_trace

DAYS = [["sun", "sun", "rain", "sun"], ["rain", "rain", "sun", "sun", "sun"], ["fog", "rain"]]


def chain_of(transitions, initial=None, **parameters):
    """A chain with known probabilities: as if fitted, by way of sequences of two states that count them."""
    transitions = np.asarray(transitions)
    n = len(transitions)
    counts = np.rint(transitions * 1000).astype(int)
    pairs = [[i, j] for i in range(n) for j in range(n) for _ in range(counts[i, j])]
    chain = MarkovChain(alpha=0, states=list(range(n)), **parameters).fit(pairs)
    if initial is not None:
        chain.initial_ = np.asarray(initial, dtype=float)
    return chain


# ---- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_probabilities_are_posterior_means(order, alpha):
    rng = np.random.default_rng(0)
    X = [rng.integers(3, size=length).tolist() for length in (3, 12, 7, 30)]
    counts, initial = np.zeros((3,) * (order + 1)), np.zeros((3,) * order)
    for sequence in X:
        initial[tuple(sequence[:order])] += 1
        for at in range(order, len(sequence)):
            counts[tuple(sequence[at - order : at + 1])] += 1
    chain = MarkovChain(order, alpha=alpha).fit(X)
    np.testing.assert_array_equal(chain.transition_counts_, counts)
    np.testing.assert_array_equal(chain.initial_counts_, initial)
    wanted = (counts + alpha) / (counts.sum(axis=-1, keepdims=True) + 3 * alpha)
    np.testing.assert_allclose(chain.transition_matrix_, wanted, rtol=1e-14)
    np.testing.assert_allclose(chain.initial_, (initial + alpha) / (4 + 3**order * alpha), rtol=1e-14)
    log_likelihoods = [
        np.log(chain.initial_[tuple(s[:order])])
        + sum(np.log(wanted[tuple(s[at - order : at + 1])]) for at in range(order, len(s)))
        for s in X
    ]
    np.testing.assert_allclose(chain.score_samples(X), log_likelihoods, rtol=1e-12)
    assert np.isclose(chain.score(X), sum(log_likelihoods) / 52)
    np.testing.assert_array_equal(chain.predict_proba(X), [chain.transition_matrix_[tuple(s[-order:])] for s in X])
    np.testing.assert_array_equal(chain.predict(X), chain.predict_proba(X).argmax(axis=1))
    parts = MarkovChain(order, alpha=alpha, states=[0, 1, 2]).partial_fit(X[:1]).partial_fit(X[1:])
    assert all(same(getattr(parts, name), getattr(chain, name)) for name in vars(chain) if name.endswith("_"))


def test_known_answers():
    chain = MarkovChain(alpha=0).fit([list("aabab")])
    assert chain.states_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(chain.transition_matrix_, [[1 / 3, 2 / 3], [1, 0]])
    np.testing.assert_array_equal(chain.initial_, [1, 0])
    assert np.isclose(chain.score_samples([list("aab")])[0], np.log(1 / 3 * 2 / 3))
    assert chain.score_samples([list("abb")])[0] == -np.inf
    np.testing.assert_allclose(chain.stationary_distribution(), [0.6, 0.4], rtol=1e-15)


# ---- the long run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p, q", [(0.1, 0.4), (1e-14, 1e-3), (1.0, 1.0)])
def test_two_states(p, q):
    P = np.array([[1 - p, p], [q, 1 - q]])
    found = stationary_distribution(P, np.array([1.0, 0.0]), closed_classes(P))
    np.testing.assert_allclose(found, [q / (p + q), p / (p + q)], rtol=1e-12)


def test_a_birth_and_death_chain_has_exact_shares():
    """Detailed balance tells the shares of a chain of ten states, which span fifteen decades."""
    n, up = 11, Fraction(1, 33)
    P = np.zeros((n, n))
    for i in range(n):
        P[i, min(i + 1, n - 1)] += float(up)
        P[i, max(i - 1, 0)] += float(1 - up)
    ratios = [Fraction(1)]
    for _ in range(n - 1):
        ratios.append(ratios[-1] * up / (1 - up))
    wanted = [float(ratio / sum(ratios)) for ratio in ratios]
    np.testing.assert_allclose(stationary_distribution(P, np.eye(n)[0], closed_classes(P)), wanted, rtol=1e-12)


def test_states_that_are_left_for_good_have_no_share():
    P = np.array([[0.5, 0.5, 0.0], [0.0, 0.2, 0.8], [0.0, 0.6, 0.4]])
    found = chain_of(P).stationary_distribution()
    np.testing.assert_allclose(found, [0, 3 / 7, 4 / 7], atol=1e-15)


def test_the_gamblers_ruin():
    """With 1 of 4 coins and a fair game, ruin comes with the probability 3/4."""
    P = np.eye(5)
    for i in (1, 2, 3):
        P[i] = 0
        P[i, [i - 1, i + 1]] = 0.5
    chain = chain_of(P, initial=[0, 1, 0, 0, 0])
    told = r"2 sets of states that it does not leave again, such as \[0\] and \[4\], and so more than one stationary"
    with pytest.warns(ReducibleChainWarning, match=told):
        found = chain.stationary_distribution()
    np.testing.assert_allclose(found, [0.75, 0, 0, 0, 0.25], atol=1e-15)


def test_the_long_run_of_a_chain_of_second_order():
    chain = MarkovChain(2, alpha=0.3).fit(np.random.default_rng(0).integers(3, size=(5, 40)))
    P = np.zeros((9, 9))
    for i in range(3):
        for j in range(3):
            for k in range(3):
                P[3 * i + j, 3 * j + k] = chain.transition_matrix_[i, j, k]
    shares = np.linalg.matrix_power(P, 1000)[0]
    np.testing.assert_allclose(chain.stationary_distribution(), shares.reshape(3, 3).sum(axis=0), rtol=1e-10)


# ---- samples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
def test_samples_follow_the_probabilities(order):
    chain = MarkovChain(order, alpha=0.2, random_state=0).fit([[0, 1, 1, 2, 0, 2, 2, 1, 0, 1, 1, 2], [1, 0, 0, 1, 2]])
    drawn = chain.sample(12, n_sequences=4000)
    again = MarkovChain(order, alpha=0).fit(drawn)
    n = again.transition_counts_.sum(axis=-1, keepdims=True)
    P = chain.transition_matrix_
    assert (np.abs(again.transition_matrix_ - P) < 4.5 * np.sqrt(P * (1 - P) / n)).all()
    Q = chain.initial_
    assert (np.abs(again.initial_ - Q) < 4.5 * np.sqrt(Q * (1 - Q) / 4000)).all()


def test_samples_begin_as_they_are_told():
    chain = MarkovChain(alpha=0, random_state=0).fit(DAYS)
    assert chain.sample(6, start="fog").tolist()[:2] == ["fog", "rain"]
    assert chain.sample(5, n_sequences=3, start=["rain", "sun"])[:, :2].tolist() == [["rain", "sun"]] * 3
    np.testing.assert_array_equal(chain.sample(50), chain.sample(50))
    assert chain.sample(1).shape == (1,)
    pairs = MarkovChain(2, random_state=0).fit([[0, 1, 0, 1, 0, 1]])
    assert pairs.sample(1).shape == (1,) and pairs.sample(5, start=[1, 0]).tolist()[:2] == [1, 0]
    never = chain_of([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]], random_state=1)
    assert 2 not in never.sample(2000, start=0)
    for call, message in [
        (lambda m: m.sample(0), "n must be an integer of at least 1"),
        (lambda m: m.sample(3, n_sequences=0), "n_sequences must be"),
        (lambda m: m.sample(3, start="snow"), r"start\[0\]\[0\] is 'snow', a state that the chain has not"),
        (lambda m: m.sample(1, start=["sun", "sun"]), "start has 2 states, more than the n=1"),
    ]:
        assert_refused_without_a_trace(chain, call, ValueError, message)


# ---- sequences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "options"),
    [
        ([[0, 1, 1], [1, 0, 0]], {}),
        ([(0, 1, 1), np.array([1, 0, 0])], {}),
        (np.array([[0, 1, 1], [1, 0, 0]]), {}),
        (np.array([[0, 1, 1], [1, 0, 0]], dtype=float), {}),
        (np.array([["x", "y", "y"], ["y", "x", "x"]]), {}),
        (np.array([["x", "y", "y"], ["y", "x", "x"]], dtype=object), {}),
        (pd.DataFrame([["x", "y", "y"], ["y", "x", "x"]]), {}),
        ([pd.Series(["x", "y", "y"]), pd.Series(["y", "x", "x"])], {}),
        ([0, 1, 1, 1, 0, 0], {"lengths": [3, 3]}),
        (np.array([[0], [1], [1], [1], [0], [0]]), {"lengths": np.array([3, 3])}),
        ([0, 1, 1, 1, 0, 0], {"lengths": np.array([3, 3], dtype=np.uint64)}),
        (["x", "y", "y", "y", "x", "x"], {"lengths": [3, 3]}),
        ([[(0, 0), (0, 1), (0, 1)], [(0, 1), (0, 0), (0, 0)]], {}),
        ([[False, True, True], [True, False, False]], {}),
        ([["x", 1, 1], [1, "x", "x"]], {}),
        (([0, 1, 1] for _ in range(1)), {}),
    ],
)
def test_sequences_of_every_kind(X, options):
    is_whole = not hasattr(X, "__next__")
    chain = MarkovChain(alpha=0).fit(X, **options)
    assert len(chain.states_) == 2
    np.testing.assert_array_equal(chain.transition_counts_, [[1, 1], [1, 1]] if is_whole else [[0, 1], [0, 1]])
    if is_whole:
        assert chain.predict(X, **options).tolist() == [chain.states_[0]] * 2 or chain.states_.dtype == object
        assert chain.score_samples(X, **options).shape == (2,)


def test_numbers_and_texts_stay_apart():
    chain = MarkovChain().fit([np.array([1, 2]), np.array(["1", "2"])])
    assert chain.states_.tolist() == [1, 2, "1", "2"]
    chain = MarkovChain().fit([np.array([b"1"]), np.array(["1"])])
    assert chain.states_.tolist() == [b"1", "1"]
    chain = MarkovChain().fit([["1", "2"]])
    with pytest.raises(ValueError, match=r"X\[0\]\[0\] is 1, a state that the chain has not: it has '1', '2'"):
        chain.predict([[1]])


@pytest.mark.parametrize("unit", ["ns", "us", "s", "D"])
@pytest.mark.parametrize("kind", ["M", "m"])
def test_times_stay_times(kind, unit, tmp_path):
    days = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "M8[D]")
    days = days.astype(f"M8[{unit}]") if kind == "M" else (days - days[0] + 5).astype(f"m8[{unit}]")
    X = [days[[0, 1, 2]], days[[0, 1, 0]]]
    for given, options in ((X, {}), (np.stack(X), {}), (np.concatenate(X), {"lengths": [3, 3]}), ([*map(list, X)], {})):
        for states in (None, days, days.tolist() if unit == "us" else list(days)):
            chain = MarkovChain(alpha=0.5, states=states).fit(given, **options)
            np.testing.assert_array_equal(chain.transition_counts_, [[0, 2, 0], [1, 0, 1], [0, 0, 0]])
            if unit != "us" or states is None or isinstance(states, np.ndarray):
                assert chain.states_.dtype == days.dtype
                np.testing.assert_array_equal(chain.states_, days)
    chain = MarkovChain(alpha=0.5).fit(X)
    scalar = pd.Timestamp if kind == "M" else pd.Timedelta
    python = (
        (lambda time: scalar(time).to_pydatetime()) if kind == "M" else (lambda time: scalar(time).to_pytimedelta())
    )
    other = "ms" if unit == "s" else "s"
    for day in (days[0], scalar(days[0]), python(days[0]), days[0].astype(f"{kind}8[{other}]")):
        assert chain.predict([[day]]) == days[1:2]
        assert chain.sample(1, start=day) == days[:1]
    assert chain.predict([days[:1].astype(f"{kind}8[{other}]")]) == days[1:2]
    for wrong in (0, "2026-01-01", days[0] + np.timedelta64(1, unit) * 100, int(days[0].astype(np.int64))):
        call = lambda m, wrong=wrong: m.predict([[wrong]])  # noqa: E731
        told = rf"X\[0\]\[0\] is .*, a state that the chain has not: it has np\.{days.dtype.name[: -4 - len(unit)]}"
        assert_refused_without_a_trace(chain, call, ValueError, told)
    assert_comes_back_from_a_file(chain, X, tmp_path / "model", ["predict", "predict_proba", "score_samples"])


def test_times_of_different_units_are_the_times_they_are():
    far, near = np.array(["9000"], "M8[Y]"), np.array(["2026-01-01"], "M8[ns]")
    for X in ([far, near], [[far[0], near[0]]]):
        assert {*map(str, MarkovChain().fit(X).states_)} == {str(far[0]), str(near[0])}
    lengths = np.array([2, 2, 2])
    series = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"] * 3))
    chain = MarkovChain().fit(series, lengths=lengths)
    assert chain.states_.dtype == series.to_numpy().dtype
    with pytest.raises(ValueError, match="a state that the chain has not"):
        chain.predict([[pd.Timestamp("2026-01-01", tz="UTC")]])


@pytest.mark.parametrize("state", [(0, 1), frozenset([1]), b"a", 1j, pd.Timestamp("2026-01-01").date()], ids=str)
def test_states_that_no_file_holds(state, tmp_path):
    chain = MarkovChain().fit([[state, state]])
    assert chain.predict([[state]])[0] == state
    with pytest.raises(TypeError, match="states_ is an array of object, which no file holds"):
        chain.save(tmp_path / "model")
    assert pickle.loads(pickle.dumps(chain)).predict([[state]])[0] == state


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        (
            ["sun", "rain"],
            {},
            TypeError,
            r"X\[0\] is 'sun', a state rather than a sequence.*\[sequence\].*list\(text\)",
        ),
        ([0, 1], {}, TypeError, r"X\[0\] is 0, a state rather than a sequence"),
        (np.array([0, 1]), {}, TypeError, "a state rather than a sequence"),
        ("sun", {}, TypeError, "X must be a list of sequences"),
        (5, {}, TypeError, "X must be a list of sequences"),
        ([], {}, ValueError, "X has no sequence"),
        ([["sun"], []], {}, ValueError, r"X\[1\] has 0 states; a sequence must have at least a state"),
        ([["sun", None]], {}, ValueError, r"X\[0\]\[1\] is None, a gap and no state"),
        ([[1.0, 2.0], [np.nan]], {}, ValueError, r"X\[1\]\[0\] is .*nan.*, a gap and no state"),
        ([["sun", ["rain"]]], {}, TypeError, r"not hashable; tuple\(state\) is"),
        (np.zeros((2, 2, 2)), {}, TypeError, r"X\[0\] must be a sequence of states; got an array of shape \(2, 2\)"),
        ([0, 1, 0], {"lengths": [2, 2]}, ValueError, "lengths must add up to the 3 states of X; got a sum of 4"),
        ([0, 1, 0], {"lengths": [3, 0]}, ValueError, "lengths must be positive integers"),
        ([0, 1, 0], {"lengths": [1.5, 1.5]}, ValueError, "lengths must be positive integers"),
        (
            [0, 1, 0, 1],
            {"lengths": np.array([2**63 - 1, 2**63 - 1, 6])},  # whose sum is 4 in int64
            ValueError,
            "lengths must add up to the 4 states of X; got a sum of 18,446,744,073,709,551,620",
        ),
        ([np.array(["2026-01-01", "NaT"], "M8[ns]")], {}, ValueError, r"X\[0\]\[1\] is .*NaT.*, a gap and no state"),
    ],
)
def test_what_are_no_sequences(X, options, error, message, fitted):
    chain = MarkovChain()
    if fitted:
        chain.fit(DAYS)
        if "hashable" not in message:
            assert_refused_without_a_trace(chain, lambda m: m.predict(X, **options), error, message)
    assert_refused_without_a_trace(chain, lambda m: m.fit(X, **options), error, message)
    if "hashable" not in message or not fitted:
        assert_refused_without_a_trace(chain, lambda m: m.partial_fit(X, **options), error, message)


@pytest.mark.parametrize("call", ["predict", "predict_proba", "score", "score_samples", "partial_fit"])
def test_unseen_states_are_refused_before_anything_is_computed(call):
    chain = MarkovChain().fit(DAYS)
    told = r"X\[1\]\[2\] is 'snow', a state that the chain has not: it has 'fog', 'rain', 'sun'\. .* parameter states"
    assert_refused_without_a_trace(
        chain, lambda m: getattr(m, call)([["sun"], ["sun", "rain", "snow"]]), ValueError, told
    )
    named = MarkovChain(states=["sun", "rain", "fog", "snow"]).fit(DAYS)
    assert named.states_.tolist() == ["sun", "rain", "fog", "snow"]
    getattr(named, call)([["sun"], ["sun", "rain", "snow"]])
    np.testing.assert_allclose(named.predict_proba([["snow"]]), np.full((1, 4), 0.25))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"alpha": -1.5}, ValueError, r"'alpha' .* in the range \[0.0, 1e\+100\]"),
        ({"alpha": 1e308}, ValueError, r"'alpha' .* in the range \[0.0, 1e\+100\]"),
        ({"order": "a"}, ValueError, r"'order' .* in the range \[1, 63\]"),
        ({"order": 100}, ValueError, r"'order' .* in the range \[1, 63\]"),
    ],
)
def test_parameters_out_of_range_are_refused_by_each_fit(parameters, error, message):
    for chain in (MarkovChain(), MarkovChain().fit(DAYS)):
        chain.set_params(**parameters)
        for method in ("fit", "partial_fit"):
            call = lambda m, method=method: getattr(m, method)(DAYS)  # noqa: E731
            assert_refused_without_a_trace(chain, call, error, message)
    chain = MarkovChain().fit(DAYS).set_params(order="a")
    assert_refused_without_a_trace(chain, lambda m: m.predict(DAYS), ValueError, "order='a' was set after a fit of")


@pytest.mark.parametrize("alpha", [10**30, 1e100])
def test_a_prior_that_outweighs_all_counts(alpha):
    np.testing.assert_array_equal(MarkovChain(alpha=alpha).fit([list("aba")]).transition_matrix_, np.full((2, 2), 0.5))


def test_the_longest_history():
    assert MarkovChain(63).fit([["a"] * 100]).predict([["a"] * 63]).tolist() == ["a"]


@pytest.mark.parametrize("method", ["predict", "predict_proba", "score", "score_samples"])
def test_before_a_fit_there_is_nothing_to_ask(method):
    assert_refused_without_a_trace(MarkovChain(), lambda m: getattr(m, method)([["a"]]), NotFittedError, "MarkovChain")


@pytest.mark.parametrize(
    ("states", "error", "message"),
    [
        ([[1], [2]], TypeError, r"states\[0\] is \[1\], which is not hashable; tuple\(state\) is"),
        ([("a", [1])], TypeError, "states must be hashable, and so must all that is in them"),
        ([1.0, np.nan], ValueError, r"states\[1\] is nan, a gap and no state"),
        (np.array(["2026-01-01", "NaT"], "M8[D]"), ValueError, r"states\[1\] is .*NaT.*, a gap and no state"),
        (["a", None], ValueError, r"states\[1\] is None, a gap and no state"),
        (np.array(3), ValueError, "states must be a list of states; got array"),
        ([], ValueError, "states must be different from each other, and at least one"),
    ],
)
def test_named_states_that_are_refused(states, error, message):
    assert_refused_without_a_trace(MarkovChain(states=states), lambda m: m.fit(DAYS), error, message)


def test_other_parameters_that_are_refused():
    chain = MarkovChain(3)
    told = r"X\[2\] has 2 states; a sequence must have at least 3 states, as many as order=3 looks at"
    assert_refused_without_a_trace(chain, lambda m: m.fit(DAYS), ValueError, told)
    big = MarkovChain(5)
    told = r"order=5 of 30 states has 30\^6 probabilities, more than 50,000,000"
    assert_refused_without_a_trace(big, lambda m: m.fit([list(range(30))]), ValueError, told)
    double = MarkovChain(states=["sun", "sun"])
    assert_refused_without_a_trace(double, lambda m: m.fit(DAYS), ValueError, "states must be different")
    fitted = MarkovChain().fit(DAYS).set_params(order=2)
    told = "order=2 was set after a fit of order 1"
    for call in (lambda m: m.predict(DAYS), lambda m: m.partial_fit(DAYS), lambda m: m.sample(3)):
        assert_refused_without_a_trace(fitted, call, ValueError, told)
    many = MarkovChain(3).fit([list(range(17))])
    assert_refused_without_a_trace(many, lambda m: m.stationary_distribution(), ValueError, "over 4,913 histories")


def test_histories_after_which_nothing_came_are_told():
    with pytest.warns(UnseenTransitionsWarning, match=r"Nothing came after 1 state of 3, and alpha=0 has no opinion"):
        chain = MarkovChain(alpha=0).fit([["a", "b", "c"]])
    np.testing.assert_allclose(chain.transition_matrix_[2], [1 / 3] * 3)
    tiny = MarkovChain(alpha=1e-9).fit([["a", "b", "c"]])
    np.testing.assert_allclose(chain.transition_matrix_, tiny.transition_matrix_, atol=1e-8)


# ---- an estimator like others ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    ],
)
def test_scikit_learns_checks_that_need_no_samples(check):
    """All others make rows of numbers of equal widths for X, which is what sequences are not."""
    check("MarkovChain", MarkovChain())


def test_a_search_finds_the_order():
    rng = np.random.default_rng(0)
    X = []
    for _ in range(60):
        states = rng.integers(2, size=2).tolist()
        for _ in range(40):
            states.append(int(rng.random() < (0.9 if states[-2] else 0.1)))  # what came two states ago comes again
        X.append(states)
    search = GridSearchCV(MarkovChain(), {"order": [1, 2, 3], "alpha": [0.5, 1.0]}, cv=3).fit(X)
    assert search.best_params_["order"] == 2
    assert clone(search.best_estimator_).get_params()["order"] == 2


@pytest.mark.parametrize("X", [DAYS, [[3, 1, 2], [1, 1]], [["x", 1, 2.5], [True, "x"]]], ids=str)
def test_files(X, tmp_path):
    model = MarkovChain(random_state=0).fit(X)
    assert_comes_back_from_a_file(model, X, tmp_path / "model", ["predict", "predict_proba", "score_samples"])


HARM = {
    "states_": [np.array(["a", "b"]), np.array(["a", "a", "b"]), ["a", "b", "c"], np.zeros((3, 1))],
    "transition_matrix_": [
        np.full((3, 3), 0.5),
        np.eye(2),
        np.array([[2.0, -1, 0]] * 3),
        None,
        np.full((3, 3), np.nan),
    ],
    "initial_": [np.ones(3), np.ones(2) / 2],
    "transition_counts_": [-np.ones((3, 3), dtype=int), np.ones((3, 3)), np.ones((2, 3), dtype=int)],
    "initial_counts_": [None, np.ones(4, dtype=int)],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in HARM for value in HARM[name]])
def test_forged_files_are_refused(name, value):
    model = MarkovChain().fit(DAYS)
    model.check_state()
    forged = copy.copy(model)
    vars(forged)[name] = value
    with pytest.raises(ValueError, match=r"states_|probabilities|counts_|transition_matrix_"):
        forged.check_state()


def test_long_sequences_of_texts():
    rng = np.random.default_rng(0)
    X = rng.choice(["a", "b", "c"], 200_000)
    chain = MarkovChain(alpha=0).fit(X, lengths=[150_000, 50_000])
    wanted = np.zeros((3, 3))
    for i, (a, b) in enumerate(pairwise(X.tolist())):
        wanted["abc".index(a), "abc".index(b)] += i != 149_999
    np.testing.assert_array_equal(chain.transition_counts_, wanted)
