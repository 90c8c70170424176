"""Intervals and sets against the papers' formulas in loops, and their coverage over many draws."""

from math import ceil, floor

import numpy as np
import pytest
from scipy.special import softmax

from fastmlp import MLPRegressor, load, save
from fastmlp.tabular.conformal import (
    FoldScores,
    cqr_scores,
    cv_plus_interval,
    prediction_sets,
    rows_needed,
    set_scores,
    set_threshold,
    summarize_scores,
    summary_threshold,
)


def by_loops(scores, folds, lower, upper, scale, coverage):
    """CV+ as the paper has it, of all scores; alpha is rounded, so that 0.1 * 20 is 2."""
    n, alpha = len(scores), 1 - coverage
    low_rank, high_rank = floor(round(alpha * (n + 1), 9)), ceil(round((1 - alpha) * (n + 1), 9))
    ends = []
    for row in range(lower.shape[1]):
        lows = sorted(lower[k, row] - scale[k, row] * r for r, k in zip(scores, folds, strict=True))
        highs = sorted(upper[k, row] + scale[k, row] * r for r, k in zip(scores, folds, strict=True))
        ends.append(
            (lows[low_rank - 1] if low_rank > 0 else -np.inf, highs[high_rank - 1] if high_rank <= n else np.inf)
        )
    return np.array(ends).T


def case(n=150, n_folds=4, n_new=7, seed=0):
    random = np.random.default_rng(seed)
    folds = random.integers(0, n_folds, n)
    scores = np.abs(random.standard_normal(n)).round(2)
    lower = random.standard_normal((n_folds, n_new))
    return random, scores, folds, lower


@pytest.mark.parametrize("n", [1, 9, 19, 150])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["plain", "scaled", "scale per row", "quantiles"])
def test_intervals_are_those_of_the_paper(n, coverage, kind):
    random, scores, folds, lower = case(n)
    folds[0] = 3  # the number of folds is that of the largest
    upper, scale = None, None
    if kind == "scaled":
        scale = random.uniform(0, 2, lower.shape)
    elif kind == "scale per row":
        scale = random.uniform(0, 2, lower.shape[1])
    elif kind == "quantiles":
        upper, scores = lower + 2, scores - 0.5
    found = cv_plus_interval(summarize_scores(scores, folds), lower, upper, scale=scale, coverage=coverage)
    scales = np.broadcast_to(1.0 if scale is None else scale, lower.shape)
    expected = by_loops(scores, folds, lower, lower if upper is None else upper, scales, coverage)
    np.testing.assert_array_equal(found, np.sort(expected, axis=0))


@pytest.mark.parametrize("n_quantiles", [3, 10, 40])
@pytest.mark.parametrize("seed", range(3))
def test_a_summary_widens_intervals_within_its_bound(n_quantiles, seed):
    """The ends lie between those of the paper, and those of ranks further out by what the docstring says."""
    n = 600
    _, scores, folds, lower = case(n, seed=seed)
    summary = summarize_scores(scores, folds, n_quantiles=n_quantiles)
    assert summary.quantiles.shape[1] <= n_quantiles
    further = 4 * (summary.group_size - 1)
    assert further < 4 * np.bincount(folds).max() / n_quantiles
    exact = summarize_scores(scores, folds)
    for coverage in (0.5, 0.8):
        inner = cv_plus_interval(exact, lower, coverage=coverage)
        outer = cv_plus_interval(exact, lower, coverage=min(coverage + (further + 1e-6) / (n + 1), 1 - 1e-9))
        low, high = cv_plus_interval(summary, lower, coverage=coverage)
        assert (outer[0] <= low).all() and (low <= inner[0]).all()
        assert (inner[1] <= high).all() and (high <= outer[1]).all()
        assert (low < inner[0]).any()


def test_257_quantiles_are_almost_all_scores():
    _, scores, folds, lower = case(20000, n_folds=8)
    scores = np.abs(np.random.default_rng(3).standard_normal(20000))
    summary = summarize_scores(scores, folds)
    assert 250 <= summary.quantiles.shape[1] <= 257
    low, high = cv_plus_interval(summary, lower)
    exact_low, exact_high = cv_plus_interval(summarize_scores(scores, folds, n_quantiles=20000), lower)
    assert (exact_low - low >= 0).all() and (exact_low - low < 0.02).all()
    assert (high - exact_high >= 0).all() and (high - exact_high < 0.02).all()


def test_quantiles_are_the_largest_scores_of_groups():
    for n in range(1, 30):
        scores = np.random.default_rng(n).permutation(n) + 1.0
        for n_quantiles in (1, 2, 7, 40):
            summary = summarize_scores(scores, np.zeros(n, dtype=int), n_quantiles=n_quantiles)
            size = ceil(n / n_quantiles)
            assert summary.group_size == size
            assert summary.quantiles.tolist() == [sorted(range(n, 0, -size))]
            assert summary.n_kept.tolist() == [summary.quantiles.shape[1]]
            assert summary.quantiles.shape[1] <= n_quantiles


def test_a_fold_without_rows_has_no_say():
    _, scores, _, lower = case(40)
    folds = np.arange(40) % 2 * 2  # fold 1 has no rows
    summary = summarize_scores(scores, folds)
    assert summary.counts.tolist() == [20, 0, 20]
    assert summary.n_kept.tolist() == [20, 0, 20]
    few = cv_plus_interval(summarize_scores(scores, folds // 2), lower[[0, 2]])
    np.testing.assert_array_equal(cv_plus_interval(summary, lower[:3]), few)


def test_many_rows_are_done_in_pieces(monkeypatch):
    _, scores, folds, lower = case(n_new=101)
    summary = summarize_scores(scores, folds)
    whole = cv_plus_interval(summary, lower)
    monkeypatch.setattr("fastmlp.tabular.conformal._AT_ONCE", 1000)
    np.testing.assert_array_equal(cv_plus_interval(summary, lower), whole)
    assert cv_plus_interval(summary, lower[:, :0])[0].shape == (0,)


def test_a_band_that_is_narrowed_too_much_is_turned_round():
    summary = summarize_scores(np.full(30, -2.0), np.zeros(30, dtype=int))
    low, high = cv_plus_interval(summary, [[0.0]], [[1.0]])
    assert (low[0], high[0]) == (-1, 2)


def test_scores_of_quantiles_are_distances_out_of_the_band():
    y, lower, upper = np.random.default_rng(0).standard_normal((3, 50))
    expected = [max(a - b, b - c) for a, b, c in zip(lower, y, upper, strict=True)]
    np.testing.assert_array_equal(cqr_scores(y, lower, upper), expected)


def test_a_summary_is_as_it_was_after_a_file(tmp_path):
    """A file holds it as a part of a model; here a network's attribute stands for that of an estimator of tables."""
    _, scores, _, lower = case(40)
    summary = summarize_scores(scores, np.arange(40) % 2 * 2, n_quantiles=6)
    model = MLPRegressor(hidden_layer_sizes=(2,))
    model.summary_ = summary
    save(model, tmp_path / "model.safetensors")
    found = load(tmp_path / "model.safetensors").summary_
    assert type(found) is FoldScores
    np.testing.assert_array_equal(cv_plus_interval(found, lower[:3]), cv_plus_interval(summary, lower[:3]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more": 1}, "scores of folds have other attributes"),
        ({"group_size": 0}, "group_size is no number of rows; got 0"),
        ({"group_size": 2.0}, r"group_size is no number of rows; got 2\.0"),
        ({"counts": [20, 0, 20]}, "counts are no numbers of rows"),
        ({"counts": np.array([20.0, 0.0, 20.0])}, "counts are no numbers of rows"),
        ({"counts": np.array([20, -1, 20])}, "counts are no numbers of rows"),
        ({"counts": np.array([0, 0, 0])}, "counts are no numbers of rows"),
        ({"counts": np.array([2**60, 2**60, 2**60])}, "counts are no numbers of rows"),
        ({"counts": np.array([], dtype=int)}, "counts are no numbers of rows"),
        ({"counts": np.array(40)}, "counts are no numbers of rows"),
        ({"counts": np.array([[20, 0, 20]])}, "counts are no numbers of rows"),
        ({"counts": np.array([20, 20])}, "quantiles are no finite numbers of each fold's rows"),
        ({"counts": np.array([20, 0, 30])}, "quantiles are no finite numbers of each fold's rows"),
        ({"quantiles": np.full((3, 5), np.inf)}, "quantiles are no finite numbers of each fold's rows"),
        ({"quantiles": np.ones((3, 5), dtype=int)}, "quantiles are no finite numbers of each fold's rows"),
        ({"quantiles": np.ones((3, 5)).tolist()}, "quantiles are no finite numbers of each fold's rows"),
        ({"quantiles": -np.arange(15.0).reshape(3, 5)}, "quantiles of a fold are not in ascending order"),
    ],
    ids=str,
)
def test_attributes_from_files_that_are_refused(change, message):
    summary = summarize_scores(case(40)[1], np.arange(40) % 2 * 2, n_quantiles=5)
    summary.check_state()
    vars(summary).update(change)
    with pytest.raises(ValueError, match=message):
        summary.check_state()


# ---- coverage --------------------------------------------------------------------------------------------------------


def one_draw(random, kind, n=400, n_new=400, n_folds=8):
    """Fit a line to each fold's other rows of data with noise that grows, and cover new rows."""
    X = random.uniform(0, 1, n + n_new)
    noise = 0.2 + X
    y = 3 * X + noise * random.standard_normal(n + n_new)
    folds = np.arange(n) % n_folds
    predictions = np.empty((n_folds, n + n_new))
    for fold in range(n_folds):
        predictions[fold] = np.polyval(np.polyfit(X[:n][folds != fold], y[:n][folds != fold], 1), X)
    out = predictions[folds, np.arange(n)]
    new = predictions[:, n:]
    if kind == "plain":
        low, high = cv_plus_interval(summarize_scores(np.abs(y[:n] - out), folds), new)
    elif kind == "scaled":
        summary = summarize_scores(np.abs(y[:n] - out) / noise[:n], folds)
        low, high = cv_plus_interval(summary, new, scale=noise[n:])
    else:  # quantiles of too narrow a band
        summary = summarize_scores(cqr_scores(y[:n], out - noise[:n], out + noise[:n]), folds)
        low, high = cv_plus_interval(summary, new - noise[n:], new + noise[n:])
    covered = (low <= y[n:]) & (y[n:] <= high)
    narrow = X[n:] < 0.2
    return covered.mean(), covered[narrow].mean(), covered[X[n:] > 0.8].mean()


@pytest.mark.parametrize("kind", ["plain", "scaled", "quantiles"])
def test_intervals_cover_what_they_say(kind):
    random = np.random.default_rng(5)
    overall, easy, hard = np.mean([one_draw(random, kind) for _ in range(60)], axis=0)
    assert 0.88 < overall < 0.93
    if kind == "scaled":  # alike where the noise is small and where it is large
        assert 0.88 < easy < 0.93 and 0.88 < hard < 0.93
    elif kind == "plain":
        assert easy > 0.97 and hard < 0.86


def draw_classes(random, n, n_classes=5, temperature=1.0):
    scores = 1.5 * random.standard_normal((n, n_classes)) * random.uniform(0.3, 3, (n, 1))
    true = softmax(scores, axis=1)
    y = (true.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(max=n_classes - 1)
    return softmax(scores / temperature, axis=1), y


@pytest.mark.parametrize("temperature", [0.5, 1.0])
@pytest.mark.parametrize(
    "options", [{}, {"method": "aps"}, {"method": "aps", "penalty": 0.1, "n_free": 2}], ids=["lac", "aps", "raps"]
)
def test_sets_cover_what_they_say(options, temperature):
    random = np.random.default_rng(1)
    covered, size, filled = [], [], []
    for _ in range(60):
        p, y = draw_classes(random, 800, temperature=temperature)
        scores = set_scores(p, **options)
        threshold = set_threshold(scores[:400], y[:400])
        sets = prediction_sets(scores[400:], threshold, never_empty=False)
        covered.append(sets[np.arange(400), y[400:]].mean())
        size.append(sets.sum(axis=1).mean())
        filled.append(prediction_sets(scores[400:], threshold).any(axis=1).all())
    assert 0.89 < np.mean(covered) < 0.915
    assert np.mean(size) < 4.5
    assert all(filled)


def test_sets_of_adaptive_scores_cover_hard_rows_as_well():
    p, y = draw_classes(np.random.default_rng(2), 40000)
    hard = p.max(axis=1) < 0.5
    least = {}
    for method in ("lac", "aps"):
        scores = set_scores(p, method=method)
        sets = prediction_sets(scores[20000:], set_threshold(scores[:20000], y[:20000]))
        covered = sets[np.arange(20000), y[20000:]]
        least[method] = covered[hard[20000:]].mean(), sets.sum(axis=1).mean()
    assert least["aps"][0] > least["lac"][0] + 0.02
    assert least["aps"][1] > least["lac"][1]


def test_scores_are_those_of_loops():
    random = np.random.default_rng(0)
    p = softmax(random.standard_normal((20, 4)), axis=1).round(1)  # with ties
    for penalty, n_free in ((0.0, 1), (0.3, 0), (0.3, 2)):
        found = set_scores(p, method="aps", penalty=penalty, n_free=n_free)
        for row, of_row in zip(p, found, strict=True):
            order = sorted(range(4), key=lambda c, row=row: (-row[c], c))
            for rank, of_class in enumerate(order, start=1):
                expected = sum(row[c] for c in order[:rank]) + penalty * max(0, rank - n_free)
                assert of_row[of_class] == pytest.approx(expected)
    np.testing.assert_array_equal(set_scores(p), 1 - p)


def test_the_threshold_is_the_score_of_its_rank():
    for n in range(1, 40):
        true = np.random.default_rng(n).permutation(n).astype(float)
        for coverage in (0.5, 0.8, 0.9):
            rank = ceil(round(coverage * (n + 1), 9))
            expected = sorted(true)[rank - 1] if rank <= n else np.inf
            scores = np.stack([true, true + 100], axis=1)
            assert set_threshold(scores, np.zeros(n, dtype=int), coverage=coverage) == expected
    assert set_threshold(np.empty((0, 2)), np.empty(0, dtype=int)) == np.inf
    assert prediction_sets(np.ones((2, 3)), np.inf).all()


def test_a_set_is_not_empty_unless_it_may_be():
    scores = set_scores([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    assert prediction_sets(scores, 0.1).tolist() == [[True, False, False], [True, False, False]]
    assert not prediction_sets(scores, 0.1, never_empty=False).any()


# ---- what is refused -------------------------------------------------------------------------------------------------

SUMMARY = FoldScores(np.ones((2, 3)), np.array([3, 3]), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: summarize_scores([], []), r"at least one row; got \(0,\) and \(0,\)"),
        (lambda: summarize_scores([1.0], [0, 1]), r"got \(1,\) and \(2,\)"),
        (lambda: summarize_scores([np.nan], [0]), r"scores must be finite; got nan"),
        (lambda: summarize_scores([1.0], [-1]), r"folds must be whole numbers from 0; got \[-1\]"),
        (lambda: summarize_scores([1.0], [0.5]), r"folds must be whole numbers from 0; got \[0\.5\]"),
        (lambda: summarize_scores([1.0], [0], n_quantiles=0), r"n_quantiles must be an integer of at least 1; got 0"),
        (lambda: cv_plus_interval(SUMMARY, [1.0, 2.0]), r"must have the shape \(2, n_rows\).* got \(2,\) and \(2,\)"),
        (lambda: cv_plus_interval(SUMMARY, [[1.0]]), r"must have the shape \(2, n_rows\).* got \(1, 1\)"),
        (lambda: cv_plus_interval(SUMMARY, np.ones((2, 4)), np.ones((2, 3))), r"got \(2, 4\) and \(2, 3\)"),
        (
            lambda: cv_plus_interval(SUMMARY, np.ones((2, 4)), scale=np.ones(3)),
            r"scale must have the shape \(2, 4\) or \(4,\); got \(3,\)",
        ),
        (lambda: cv_plus_interval(SUMMARY, np.ones((2, 4)), scale=-np.ones(4)), r"scale must not be negative or NaN"),
        (
            lambda: cv_plus_interval(SUMMARY, np.ones((2, 4)), coverage=90),
            r"a number between 0 and 1; got 90",
        ),
        (lambda: set_scores([0.5, 0.5]), r"probabilities must have the shape \(n_rows, n_classes\); got \(2,\)"),
        (lambda: set_scores([[1.0]], method="raps"), r"method must be 'lac' or 'aps'; got 'raps'"),
        (lambda: set_scores([[1.0]], method="aps", penalty=-1), r"penalty must be a number of at least 0; got -1"),
        (lambda: set_scores([[1.0]], method="aps", n_free=-1), r"n_free must be an integer of at least 0; got -1"),
        (lambda: set_threshold([[0.5]], [0, 1]), r"got \(1, 1\) and \(2,\)"),
        (lambda: set_threshold([[0.5]], [1]), r"y must have numbers of classes from 0 to 0; got"),
        (lambda: set_threshold([[0.5]], [0], coverage=1.0), r"coverage must be a number between 0 and 1; got 1\.0"),
    ],
)
def test_what_does_not_belong_together(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("coverage", [0.01, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99, 1 - 1 / 300])
def test_the_rows_that_a_coverage_needs(coverage):
    """So many make intervals finite and sets smaller than all classes, and one less does not."""
    needed = rows_needed(coverage)
    for n in (needed, max(1, needed - 1)):
        scores = np.arange(1.0, n + 1)
        lower, upper = cv_plus_interval(
            summarize_scores(scores, np.arange(n) % 2), [[0.0]] * min(n, 2), coverage=coverage
        )
        threshold = summary_threshold(summarize_scores(scores, np.zeros(n, int)), coverage=coverage)
        assert np.isfinite([lower[0], upper[0], threshold]).tolist() == [n >= needed] * 3
