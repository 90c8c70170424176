"""The samples that early stopping holds out."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from fastmlp import MLPClassifier
from fastmlp.fitting.holding_out import check_held_out


def parameters(**changed):
    return MLPClassifier().set_params(**changed).get_params(deep=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((0, 100), r"validation_fraction=0 holds no rows out for early_stopping=True"),
        ((0.0, 100), r"validation_fraction=0\.0 holds no rows out for early_stopping=True"),
        ((1e-9, 100), r"The validation set is too small. Increase 'validation_fraction' or"),
        ((0.99, 50), r"validation_fraction=0\.99 of 50 rows leaves none to learn from: give less"),
        ((0.1, 1), r"validation_fraction=0\.1 of 1 rows leaves none to learn from"),
        (
            (0.1, 4, np.array(["False"] * 3 + ["True"]), ["ham", "spam"]),
            r"The least populated classes in y have only 1 member.* Classes with too few members are: \['True'\]\."
            r" validation_fraction=0\.1 is of each class, and y has 1 row of 'spam'",
        ),
        ((1e-9, 9, np.array(["False", "True"])[np.arange(9) % 2]), "too few are held out for 2 classes; give more"),
        ((0.9, 9, np.array(["False", "True"])[np.arange(9) % 2]), "leaves none to learn from"),
        ((0.8, 9, np.array(["False", "True"])[np.arange(9) % 2]), "too few are left to learn from for 2 .* give less"),
    ],
)
def test_what_cannot_be_held_out(arguments, told):
    with pytest.raises(ValueError, match=told):
        check_held_out(*arguments)


@pytest.mark.parametrize(("fraction", "n_rows"), [(0.0, 100), (0.99, 50), (0.8, 9)])
def test_what_else_can_be_done(fraction, n_rows):
    strata = np.array(["False", "True"])[np.arange(n_rows) % 2]
    with pytest.raises(ValueError, match=r", or fit an eval_set\.$"):
        check_held_out(fraction, n_rows, strata)
    with pytest.raises(ValueError, match=r"give (more|less), or wait\.$"):
        check_held_out(fraction, n_rows, strata, instead="wait")


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("n_rows", [2, 3, 4, 10, 40, 101])
def test_what_train_test_split_splits(fraction, n_rows):
    """It is refused if and only if scikit-learn refuses it, or holds out a single row."""
    strata = np.array(["False", "True"])[np.arange(n_rows) % 2]
    for stratify in (None, strata):
        try:
            _, held_out = train_test_split(np.arange(n_rows), test_size=fraction, stratify=stratify)
            good = len(held_out) > 1
        except ValueError:
            good = False
        if good:
            check_held_out(fraction, n_rows, stratify, [0, 1])
        else:
            with pytest.raises(ValueError, match=r"validation_fraction"):
                check_held_out(fraction, n_rows, stratify, [0, 1])
