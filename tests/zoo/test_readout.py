"""The readout in closed form: scikit-learn's ridge regression, by sums over blocks of rows."""

import copy

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from fastmlp.exceptions import SingularReadoutWarning
from fastmlp.zoo.readout import RidgeReadout


def data(n_rows=400, n_units=30, n_outputs=3, offset=0.0, dtype=np.float64):
    rng = np.random.default_rng(0)
    H = (rng.standard_normal((n_rows, n_units)) + offset).astype(dtype)
    Y = H.astype(np.float64) @ rng.standard_normal((n_units, n_outputs)) + rng.standard_normal((n_rows, n_outputs)) - 5
    weights = rng.random(n_rows)
    weights[::7] = 0
    return H, Y, weights


def read_out(H, Y, weights=None, parts=1, **options):
    readout = RidgeReadout()
    rows = np.array_split(np.arange(len(H)), parts)
    readout.add_all(((H[i], Y[i], None if weights is None else weights[i]) for i in rows), **options)
    return readout


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1e4])
@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("parts", [1, 5])
def test_a_readout_is_a_ridge_regression(is_weighted, alpha, offset, parts):
    H, Y, weights = data(offset=offset)
    weights = weights if is_weighted else None
    found = read_out(H, Y, weights, parts).solve(alpha)
    centred = Ridge(alpha).fit(H - offset, Y, weights)
    np.testing.assert_allclose(found.coefs, centred.coef_.T, rtol=1e-9, atol=1e-10)
    intercepts = centred.intercept_ - offset * centred.coef_.sum(axis=1)
    np.testing.assert_allclose(found.intercepts, intercepts, rtol=1e-7, atol=1e-9 * max(1, offset))
    assert found.alpha == alpha and found.error is None


@pytest.mark.parametrize("is_weighted", [False, True])
def test_blocks_and_threads_do_not_matter(is_weighted):
    H, Y, weights = data(1000, 250)
    weights = weights if is_weighted else None
    whole = read_out(H, Y, weights)
    for n_threads in (2, 3):
        np.testing.assert_array_equal(read_out(H, Y, weights, n_threads=n_threads).sums, whole.sums)
    parts = read_out(H, Y, weights, 7)
    again = RidgeReadout()
    for rows in np.array_split(np.arange(1000), 7):
        again.add(H[rows], Y[rows], None if weights is None else weights[rows])
    np.testing.assert_array_equal(again.sums, parts.sums)
    assert whole.n_rows == parts.n_rows == again.n_rows == (1000 if weights is None else np.count_nonzero(weights))
    np.testing.assert_allclose(parts.solve(1.0).coefs, whole.solve(1.0).coefs, rtol=1e-9, atol=1e-11)


def test_units_in_float32_are_summed_in_float64():
    H, Y, _ = data(dtype=np.float32)
    same = read_out(H.astype(np.float64), Y)
    np.testing.assert_allclose(read_out(H, Y).solve(1.0).coefs, same.solve(1.0).coefs, rtol=1e-12)


def test_a_weight_counts_rows():
    H, Y, _ = data(60, 5)
    counts = np.random.default_rng(1).integers(0, 4, 60)
    weighted, repeated = read_out(H, Y, counts.astype(float)), read_out(H.repeat(counts, 0), Y.repeat(counts, 0))
    np.testing.assert_allclose(weighted.solve(0.5).coefs, repeated.solve(0.5).coefs, rtol=1e-10)


def squared_errors_left_out(H, Y, alpha):
    """Return the mean of squares, over rows and generalised: n |r|^2 / trace(I - hat matrix)^2."""
    Z = H - H.mean(axis=0)
    hat = Z @ np.linalg.solve(Z.T @ Z + alpha * np.eye(Z.shape[1]), Z.T) + 1 / len(H)
    residuals = Y - hat @ Y
    return len(H) * (residuals**2).sum() / np.trace(np.eye(len(H)) - hat) ** 2


def test_the_best_alpha_is_that_of_generalised_cross_validation():
    H, Y, _ = data(80, 40, 2)
    Y += 5 * np.random.default_rng(2).standard_normal(Y.shape)
    alphas = [1e-3, 1.0, 30.0, 100.0, 1e5]
    errors = [squared_errors_left_out(H, Y, alpha) for alpha in alphas]
    found = read_out(H, Y).solve(alphas)
    assert found.alpha == alphas[np.argmin(errors)] not in (alphas[0], alphas[-1])
    np.testing.assert_allclose(found.error, min(errors), rtol=1e-9)
    np.testing.assert_allclose(found.coefs, read_out(H, Y).solve(found.alpha).coefs, rtol=1e-8, atol=1e-11)


def test_units_that_depend_on_each_other_get_the_smallest_readout():
    H, Y, _ = data()
    H = np.c_[H, H[:, :3], np.ones(len(H))]
    with pytest.warns(SingularReadoutWarning, match="the readout of 34 units open.* rank is 30"):
        found = read_out(H, Y).solve(0.0)
    expected = np.linalg.pinv(H - H.mean(axis=0)) @ (Y - Y.mean(axis=0))
    np.testing.assert_allclose(found.coefs, expected, rtol=1e-8, atol=1e-10)


def test_more_units_than_rows():
    H, Y, _ = data(20, 50)
    np.testing.assert_allclose(read_out(H, Y).solve(0.1).coefs, Ridge(0.1).fit(H, Y).coef_.T, rtol=1e-8, atol=1e-10)
    with pytest.warns(SingularReadoutWarning, match="rank is 19"):
        found = read_out(H, Y).solve(0.0)
    np.testing.assert_allclose(H @ found.coefs + found.intercepts, Y, atol=1e-8)


def test_units_that_are_constant_are_not_read():
    H, Y, _ = data(50, 4)
    H[:] = 3.0
    with pytest.warns(SingularReadoutWarning, match="rank is 0"):
        found = read_out(H, Y).solve(0.0)
    assert not found.coefs.any()
    np.testing.assert_allclose(found.intercepts, Y.mean(axis=0))


def test_what_cannot_be_solved_is_refused():
    H, Y, _ = data(10, 3)
    with pytest.raises(ValueError, match="none have been added"):
        RidgeReadout().solve(1.0)
    with pytest.raises(ValueError, match="none have been added"):
        read_out(H, Y, np.zeros(10)).solve(1.0)
    for scale in (1e160, 1e200, 1e307):  # without a warning of NumPy's, which would be an error here
        for units, targets in ((H * scale, Y), (H, Y * scale)):
            for weights in (None, np.full(10, 20.0)):
                for alpha in (1.0, [0.5, 1.0]):
                    with pytest.raises(ValueError, match="too large for float64; scale X or y down"):
                        read_out(units, targets, weights).solve(alpha)
    readout = read_out(H, Y)
    for wrong in [(H[:, :2], Y), (H, Y[:, :1]), (H[:5], Y), (H, Y, np.ones(3))]:
        with pytest.raises(ValueError, match=r"of 3 units and 3 outputs; got shapes \["):
            readout.add(*wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sums", np.zeros((6, 7))), ("sums", None), ("shift", np.zeros(5)), ("n_units", -1), ("n_rows", 0.5)],
)
def test_sums_that_a_file_must_not_say(name, value):
    H, Y, _ = data(10, 3)
    readout = read_out(H, Y)
    readout.check_state()
    RidgeReadout().check_state()
    forged = copy.deepcopy(readout)
    setattr(forged, name, value)
    with pytest.raises(ValueError, match="of a readout"):
        forged.check_state()
