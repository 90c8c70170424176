"""What a fit and a prediction cost beyond X: peak memory, of the process or as NumPy and Python allocate it."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LABELS = np.arange(20_000) % 3


def traced_peak(call):
    """Bytes that Python and NumPy held at most during the call, beyond those before it."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_uint8_images_in_float32_take_less_than_60_megabytes(script):
    """An array of converted images would take 188 MB."""
    source = """
        import resource, warnings
        import numpy as np
        from fastmlp import MLPClassifier
        warnings.simplefilter("ignore")

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

        def model(n_jobs):
            return MLPClassifier((256, 128), batch_size=128, max_iter=1, dtype="float32", random_state=0, n_jobs=n_jobs)

        rng = np.random.default_rng(0)
        X, y = rng.integers(0, 256, (60000, 784), dtype=np.uint8), rng.integers(0, 10, 60000)
        before = peak()
        model(2).fit(X, y).predict(X)
        print(peak() - before)
    """
    assert float(script(source)) < 60


@pytest.mark.parametrize("code", ["u1", "i8", "f4", "f8"])
@pytest.mark.parametrize("read_only", [False, True])
def test_contiguous_rows_are_not_copied(code, read_only):
    X = np.random.default_rng(0).integers(0, 100, (20_000, 200)).astype(code)
    X.flags.writeable = not read_only
    clf = MLPClassifier((5,), max_iter=1, random_state=0)
    assert traced_peak(lambda: clf.fit(X, LABELS)) < X.nbytes / 2
    assert traced_peak(lambda: clf.predict(X)) < X.nbytes / 2
    assert traced_peak(lambda: clf.partial_fit(X, LABELS)) < X.nbytes / 2


def test_rows_of_a_wider_array_are_not_copied():
    wide = np.random.default_rng(0).standard_normal((20_000, 400))
    X = wide[::-1, 100:300]
    clf = MLPClassifier((5,), max_iter=1, random_state=0)
    assert traced_peak(lambda: clf.fit(X, LABELS)) < X.nbytes / 2
    contiguous = MLPClassifier((5,), max_iter=1, random_state=0).fit(X.copy(), LABELS)
    np.testing.assert_array_equal(clf.coefs_[0], contiguous.coefs_[0])


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_csr_is_not_copied(container):
    X = container(scipy.sparse.random_array((20_000, 3000), density=0.05, rng=0))
    clf = MLPClassifier((5,), max_iter=1, random_state=0)
    assert traced_peak(lambda: clf.fit(X, LABELS)) < X.data.nbytes / 2


def test_fortran_order_is_copied_once_in_its_own_type():
    X = np.asfortranarray(np.random.default_rng(0).integers(0, 100, (20_000, 400), dtype=np.uint8))
    clf = MLPClassifier((5,), max_iter=1, random_state=0)
    assert traced_peak(lambda: clf.fit(X, LABELS)) < 1.5 * X.nbytes
    in_c_order = MLPClassifier((5,), max_iter=1, random_state=0).fit(np.ascontiguousarray(X), LABELS)
    np.testing.assert_array_equal(clf.coefs_[0], in_c_order.coefs_[0])


@pytest.mark.parametrize("code", ["u1", "f8"])
def test_memmap_is_read_where_it_is(code, tmp_path):
    values = np.random.default_rng(0).integers(0, 100, (20_000, 200)).astype(code)
    values.tofile(tmp_path / "X")
    X = np.memmap(tmp_path / "X", dtype=code, mode="r", shape=values.shape)
    clf = MLPClassifier((5,), max_iter=1, random_state=0)
    assert traced_peak(lambda: clf.fit(X, LABELS)) < X.nbytes / 2
    in_memory = MLPClassifier((5,), max_iter=1, random_state=0).fit(values, LABELS)
    np.testing.assert_array_equal(clf.coefs_[0], in_memory.coefs_[0])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_nothing_is_left_behind(n_jobs):
    """A model holds parameters and training state, then a copy it predicts with; batches and activations go."""
    X, y = np.random.default_rng(0).standard_normal((2000, 50)), LABELS[:2000]
    clf = MLPClassifier((50,), batch_size=2000, max_iter=2, random_state=0, n_jobs=n_jobs).fit(X, y)
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            clf.fit(X, y)
        left = tracemalloc.get_traced_memory()[0] - start
        for _ in range(5):
            clf.predict(X)
        left_by_predict = tracemalloc.get_traced_memory()[0] - start - left
    finally:
        tracemalloc.stop()
    n_bytes = sum(part.nbytes for part in clf.coefs_ + clf.intercepts_)
    assert left < 4 * n_bytes
    assert left_by_predict < 2 * n_bytes  # rows of weights are padded to whole panels
