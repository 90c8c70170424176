"""Scorers of members: what they see of a network, of encoded columns and of targets."""

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import get_scorer

from fastmlp.tabular.scoring import MemberClassifier, MemberRegressor, MemberScorer

PROBABILITIES = np.array([[0.2, 0.8], [0.9, 0.1], [0.6, 0.4]])


def test_classifiers_predict_labels():
    member = MemberClassifier(lambda X: PROBABILITIES[X], np.array(["no", "yes"]))
    assert is_classifier(member)
    rows = np.array([2, 0])
    assert member.predict(rows).tolist() == ["no", "yes"]
    assert np.array_equal(member.predict_proba(rows), PROBABILITIES[rows])
    assert member.classes_.tolist() == ["no", "yes"]


def test_regressors_predict_numbers():
    member = MemberRegressor(lambda X: 10.0 * X)
    assert is_regressor(member)
    assert member.predict(np.arange(3)).tolist() == [0, 10, 20]


def scorer(named):
    return MemberScorer(
        get_scorer(named) if isinstance(named, str) else named,
        lambda predict: MemberClassifier(predict, np.array(["no", "yes"])),
        lambda y: np.array(["no", "yes"])[y],
        lambda network, columns: network[columns],
    )


def test_scores_are_those_of_labels():
    rows, y = np.arange(3), np.array([1, 0, 1])
    assert scorer("accuracy")(PROBABILITIES, rows, y) == pytest.approx(2 / 3)
    assert scorer("accuracy")(PROBABILITIES, rows, y, sample_weight=np.array([1, 1, 0.0])) == 1
    assert scorer("roc_auc")(PROBABILITIES, rows, y) == 1
    expected = np.mean(np.log([0.8, 0.9, 0.4]))
    assert scorer("neg_log_loss")(PROBABILITIES, rows, y) == pytest.approx(expected)


@pytest.mark.parametrize("score", ["good", None, {"a": 1.0}])
def test_scores_are_real_numbers(score):
    with pytest.raises(ValueError, match="scoring must give a real number; got"):
        scorer(lambda estimator, X, y: score)(PROBABILITIES, np.arange(3), np.array([1, 0, 1]))
    assert scorer(lambda estimator, X, y: np.float32(0.5))(PROBABILITIES, np.arange(3), np.array([1, 0, 1])) == 0.5
