"""What a fit and a prediction cost beyond X: peak memory, of the process or as NumPy and Python allocate it."""

import ctypes
import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLPClassifier
from tests.conftest import exhaustive

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


@exhaustive
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the GNU C library counts what is allocated")
def test_a_thousand_fits_leave_what_ten_left(script):
    """Within 0.5 MB: a fit that kept 600 bytes would show.

    A fit here is one of each kind in turn, with what may follow it. Before the first look every kind has been there on
    every type of input, so that what is made once (modules, teams of threads) is made. The allocator is asked for the
    bytes that are in use, which are the same in each run: the resident memory moves by megabytes with what the
    allocator holds back. Python allocates through it, too, and from one arena, which is the one that it reports.
    """
    source = """
        import ctypes, gc, itertools, warnings
        import numpy as np, scipy.sparse
        from fastmlp import MLPClassifier, MLPRegressor
        from fastmlp.optimizers import OPTIMIZERS
        warnings.simplefilter("ignore")

        X = np.random.default_rng(0).standard_normal((60, 70))
        y, labels = X[:, 0], np.arange(60) % 3
        inputs = [X, X.astype(np.float32), scipy.sparse.csr_array(np.maximum(X, 0)), X[::-1], X.tolist()]
        kinds = [
            MLPClassifier((30,), batch_size=7, dropout=0.2, normalization="batch"),
            MLPClassifier((30, 20), n_jobs=2, early_stopping=True, normalization="layer"),
            MLPClassifier((), batch_size=60, ema=0.9, gradient_clip_norm=1.0, max_norm=1.0),
            MLPRegressor(hidden_layer_sizes=(30,), activation="silu", standardize=True, n_jobs=2),
            MLPRegressor(hidden_layer_sizes=(30, 20), early_stopping=True, input_dropout=0.1),
            MLPRegressor("huber", (30,), warm_start=True, dtype="bfloat16"),
            *(MLPClassifier((20,), solver=name, batch_size=20) for name in OPTIMIZERS),
        ]

        def fails(call, *arguments):
            try:
                call(*arguments)
            except (ValueError, ZeroDivisionError):
                return
            raise AssertionError("it did not fail")

        def fit(template, data):
            targets = y if isinstance(template, MLPRegressor) else labels
            model = type(template)(**template.get_params()).set_params(max_iter=2, random_state=0)
            model.fit(data, targets)
            model.predict(data)
            if template.solver != "lbfgs" and not template.early_stopping:
                model.partial_fit(data, targets)
                model.predict(data)
                fails(type(template)(augment=lambda X, y, rng: 1 / 0).fit, X, targets)
            model.predictor()(np.zeros((3, 70), model.coefs_[0].dtype))
            fails(model.predict, X * np.nan)
            fails(model.fit, X[:5], targets)

        class Mallinfo2(ctypes.Structure):
            _fields_ = [
                (name, ctypes.c_size_t)
                for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
            ]

        mallinfo2 = ctypes.CDLL(None).mallinfo2
        mallinfo2.restype = Mallinfo2

        def allocated():
            gc.collect()
            info = mallinfo2()
            return (info.uordblks + info.hblkhd) / 1e6

        fits = itertools.cycle(itertools.product(kinds, inputs))
        def some(n):
            for template, data in itertools.islice(fits, n):
                fit(template, data)
            return allocated()

        some(3 * len(kinds) * len(inputs))
        before = some(15)
        print(some(990) - before)
    """
    assert abs(float(script(source, PYTHONMALLOC="malloc", MALLOC_ARENA_MAX="1"))) < 0.5
