"""Importances of columns over out-of-fold predictions: by loops, groups of columns, seeds, and what is refused."""

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from fastmlp.tabular.importance import out_of_fold_importances

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((90, 4))
Y = X @ [3.0, 1.0, 0.0, 0.5] + 0.1 * RANDOM.standard_normal(90)
FOLDS = [np.arange(90)[np.arange(90) % 3 == fold] for fold in range(3)]
MODELS = [LinearRegression().fit(np.delete(X, rows, 0), np.delete(Y, rows)) for rows in FOLDS]


def predict(fold, rows, columns, donors):
    changed = X[rows]
    changed[:, list(columns)] = X[donors][:, list(columns)]
    return MODELS[fold].predict(changed)


def score(rows, predictions):
    return r2_score(Y[rows], predictions)


def test_the_falls_are_those_of_loops():
    found = out_of_fold_importances(predict, score, range(4), FOLDS, n_repeats=3, random_state=7)
    random, rows = np.random.RandomState(7), np.concatenate(FOLDS)
    of_row = {row: fold for fold, part in enumerate(FOLDS) for row in part}
    baseline = r2_score(Y[rows], [MODELS[of_row[row]].predict(X[[row]])[0] for row in rows])
    assert found.baseline_score == pytest.approx(baseline)
    for repeat in range(3):
        donors = random.permutation(rows)
        for column in range(4):
            predictions = []
            for row, donor in zip(rows, donors, strict=True):
                changed = X[row].copy()
                changed[column] = X[donor, column]
                predictions.append(MODELS[of_row[row]].predict([changed])[0])
            assert found.importances[column, repeat] == pytest.approx(baseline - r2_score(Y[rows], predictions))
    np.testing.assert_allclose(found.importances_mean, found.importances.mean(axis=1))
    np.testing.assert_allclose(found.importances_std, found.importances.std(axis=1))
    assert np.argsort(-found.importances_mean).tolist() == [0, 1, 3, 2]


def test_one_model_of_all_rows_is_scikit_learns_to_within_chance():
    model = LinearRegression().fit(X, Y)

    def whole(fold, rows, columns, donors):
        changed = X[rows]
        changed[:, list(columns)] = X[donors][:, list(columns)]
        return model.predict(changed)

    found = out_of_fold_importances(whole, score, range(4), [range(90)], n_repeats=60, random_state=0)
    theirs = permutation_importance(model, X, Y, n_repeats=60, random_state=0)
    assert set(theirs) <= set(found)
    np.testing.assert_allclose(found.importances_mean, theirs.importances_mean, rtol=0.06, atol=1e-3)


def test_columns_of_one_source_are_permuted_together():
    found = out_of_fold_importances(predict, score, [0, 1, [0, 1], (2,), []], FOLDS, random_state=0)
    first, second, both, useless, nothing = found.importances_mean
    assert both > max(first, second)
    assert abs(useless) < 0.01
    assert nothing == 0


def test_a_column_does_not_depend_on_the_others():
    all_columns = out_of_fold_importances(predict, score, [0, 1, 2, 3], FOLDS, random_state=3)
    some = out_of_fold_importances(predict, score, [3, 1], FOLDS, random_state=3)
    np.testing.assert_array_equal(some.importances, all_columns.importances[[3, 1]])
    other = out_of_fold_importances(predict, score, [3, 1], FOLDS, random_state=4)
    assert (other.importances != some.importances).all()


def test_folds_may_leave_rows_out_and_be_of_one_row():
    folds = [[5], [], [7, 8, 9]]
    seen = []

    def watch(fold, rows, columns, donors):
        seen.append((fold, rows.tolist(), tuple(columns), donors.tolist()))
        return np.zeros((len(rows), 2))

    scored = []
    out_of_fold_importances(
        watch, lambda rows, p: scored.append((rows.tolist(), p.shape)) or 0, ["a"], folds, n_repeats=1, random_state=0
    )
    assert [each[0] for each in seen] == [0, 2, 0, 2]
    assert seen[0] == (0, [5], (), [5])
    assert sorted(seen[2][3] + seen[3][3]) == [5, 7, 8, 9]
    assert seen[2][2] == ("a",)
    assert scored == [([5, 7, 8, 9], (4, 2))] * 2


def test_no_columns_have_no_importances():
    found = out_of_fold_importances(predict, score, [], FOLDS)
    assert found.importances.shape == (0, 5)
    assert found.importances_mean.shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": []}, r"folds must have at least one row"),
        ({"folds": [[], []]}, r"folds must have at least one row"),
        ({"folds": [[0, 1], [1]]}, r"folds must not share rows"),
        ({"n_repeats": 0}, r"n_repeats must be an integer of at least 1; got 0"),
        ({"predict": lambda *_: np.zeros(3)}, r"predict must return a prediction for each of 30 rows of fold 0; got"),
        ({"predict": lambda *_: 1.0}, r"predict must return .* got shape \(\)"),
    ],
)
def test_what_is_refused(change, message):
    given = {"predict": predict, "score": score, "columns": [0], "folds": FOLDS, **change}
    with pytest.raises(ValueError, match=message):
        out_of_fold_importances(**given)
