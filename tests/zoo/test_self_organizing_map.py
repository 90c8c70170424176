"""SelfOrganizingMap, beside maps that NumPy learns unit by unit."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastmlp
from fastmlp import engine
from fastmlp.callbacks import Callback
from fastmlp.exceptions import MapSizeWarning
from fastmlp.zoo import SelfOrganizingMap
from fastmlp.zoo.map_learning import STEPS_TOGETHER, principal_directions
from tests.zoo import contract
from tests.zoo import oracle_maps as oracle

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
IRIS = (X_IRIS - X_IRIS.mean(axis=0)) / X_IRIS.std(axis=0, ddof=1)
NEIGHBORHOODS = ["gaussian", "cut_gaussian", "bubble", "epanechnikov"]
TOPOLOGIES = ["hexagonal", "rectangular"]


@parametrize_with_checks(
    [
        SelfOrganizingMap((3, 2), max_iter=5),
        SelfOrganizingMap((2, 2), topology="rectangular", training="online", initialization="random", max_iter=3),
    ],
    expected_failed_checks=lambda som: (
        {
            "check_sample_weight_equivalence_on_dense_data": "the online map takes no weights",
            "check_sample_weight_equivalence_on_sparse_data": "the online map takes no weights",
            "check_sample_weights_pandas_series": "the online map takes no weights",
            "check_sample_weights_not_an_array": "the online map takes no weights",
            "check_sample_weights_list": "the online map takes no weights",
            "check_sample_weights_not_overwritten": "the online map takes no weights",
            "check_sample_weights_shape": "the online map takes no weights",
        }
        if som.training == "online"
        else {}
    ),
)
@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.MapSizeWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# ---- what is learned, beside the oracle ------------------------------------------------------------------------------


@pytest.mark.parametrize("toroidal", [False, True])
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_batch_map(neighborhood, topology, toroidal):
    shape = (4, 3)
    start = IRIS[::12][:12]
    som = SelfOrganizingMap(
        shape, topology=topology, toroidal=toroidal, neighborhood=neighborhood, initialization=start, radius=1.6,
        final_radius=0.8, max_iter=6,
    ).fit(IRIS)  # fmt: skip
    distances = oracle.map_distances(shape, topology, toroidal=toroidal)
    units = start.copy()
    for radius in (1.6, 1.2, 0.8, 0.8, 0.8, 0.8):
        units = oracle.batch_epoch(IRIS, np.ones(150), units, oracle.neighborhood(neighborhood, distances, radius))
    np.testing.assert_allclose(som.weights_, units, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(som.history_["radius"], [1.6, 1.2, 0.8, 0.8, 0.8, 0.8])
    expected = oracle.errors(IRIS, units, distances)
    np.testing.assert_allclose((som.quantization_error_, som.topographic_error_), expected, rtol=1e-9)
    assert som.topographic_error(IRIS) == pytest.approx(expected[1])
    best = oracle.squares(IRIS, units).argmin(axis=1)
    np.testing.assert_array_equal(som.hits_, np.bincount(best, minlength=12).reshape(shape))
    assert som.history_["loss"][0] == pytest.approx(oracle.errors(IRIS, start, distances)[0])


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_online_map(neighborhood, topology):
    shape, start = (3, 5), IRIS[::10]
    som = SelfOrganizingMap(
        shape, topology=topology, training="online", neighborhood=neighborhood, initialization=start, radius=2.2,
        final_radius=0.6, learning_rate_init=0.4, final_learning_rate=0.1, max_iter=6, random_state=3,
    ).fit(IRIS)  # fmt: skip
    distances = oracle.map_distances(shape, topology)
    seed, units = np.random.RandomState(3).randint(2**31 - 1), start.copy()
    for epoch in range(6):
        order = np.arange(150)
        np.random.RandomState([seed, epoch]).shuffle(order)

        def shares_at(step, epoch=epoch):
            time = epoch + step // STEPS_TOGETHER * STEPS_TOGETHER / 150
            radius = 2.2 + min(1, time / 2) * (0.6 - 2.2)
            return (0.4 + time / 6 * (0.1 - 0.4)) * oracle.neighborhood(neighborhood, distances, radius)

        units = oracle.online_epoch(IRIS, order, units, shares_at)
    np.testing.assert_allclose(som.weights_, units, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(som.history_["learning_rate"], 0.4 - 0.3 * np.arange(1, 7) / 6)


def test_iris_as_the_som_toolbox_has_it():
    """There the quantization error is 0.393 and the topographic error 0.013."""
    som = SelfOrganizingMap((11, 6)).fit(IRIS)
    assert som.quantization_error_ < 0.3945
    assert som.topographic_error_ < 0.0135


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 4), (4, 1), (1, 1)])
@pytest.mark.parametrize("n_features", [1, 2, 4])
def test_linear_start(shape, n_features):
    weights = np.random.default_rng(0).integers(0, 3, 150).astype(float)
    X = IRIS[:, :n_features]
    som = SelfOrganizingMap(shape, radius=1.0, neighborhood="bubble", final_radius=1e-9, max_iter=1)
    learned = []
    som.set_params(callbacks=[Seen(learned)]).fit(X, sample_weight=weights)
    np.testing.assert_allclose(learned[0], oracle.linear_units(X, weights, shape), rtol=1e-9, atol=1e-9)


class Seen(Callback):
    """Keeps the weights of the map as they are before the first epoch."""

    def __init__(self, learned):
        self.learned = learned

    def on_fit_begin(self, fit):
        self.learned.append(fit.arrays()["weights"])


def test_principal_directions_of_many_features_are_found_without_their_covariance():
    random = np.random.default_rng(0)
    X = random.standard_normal((60, 3)) * [5, 3, 0.5] @ random.standard_normal((3, 700)) + 2
    weights = random.uniform(0, 1, 60)
    mean, (first, second) = principal_directions(X, weights)
    np.testing.assert_allclose(mean, weights @ X / weights.sum())
    expected = oracle.linear_units(X, weights, (3, 2)) - mean
    np.testing.assert_allclose(first - second, expected[4], rtol=1e-6, atol=1e-8)
    sparse = principal_directions(scipy.sparse.csr_array(X), weights)
    np.testing.assert_allclose(sparse[1], [first, second], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n_features", [1, 3, 700])
def test_samples_that_are_all_the_same(n_features):
    for X in (np.zeros((20, n_features)), np.full((20, n_features), 0.1)):
        som = SelfOrganizingMap((3, 2)).fit(X)
        np.testing.assert_allclose(som.weights_, np.broadcast_to(X[0], (6, n_features)), atol=1e-12)
        assert som.quantization_error_ < 1e-12
    with pytest.warns(MapSizeWarning):
        np.testing.assert_allclose(SelfOrganizingMap((3, 2)).fit(X[:1]).weights_, X[:6], atol=1e-12)


def test_random_start_takes_samples():
    learned = []
    som = SelfOrganizingMap((3, 4), initialization="random", random_state=0, callbacks=[Seen(learned)], max_iter=1)
    weights = np.r_[np.zeros(100), np.ones(50)]
    som.fit(IRIS, sample_weight=weights)
    assert len(np.unique(learned[0], axis=0)) == 12 or len(np.unique(IRIS[100:], axis=0)) < 50
    assert all((IRIS[100:] == unit).all(axis=1).any() for unit in learned[0])
    som.fit(scipy.sparse.csr_array(IRIS), sample_weight=weights)
    np.testing.assert_array_equal(learned[0], learned[1])


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_weights_are_repetitions(topology):
    weights = np.random.default_rng(0).integers(0, 4, 150)
    som = SelfOrganizingMap((4, 3), topology=topology)
    weighed, repeated = clone(som).fit(IRIS, sample_weight=weights), clone(som).fit(np.repeat(IRIS, weights, axis=0))
    np.testing.assert_allclose(weighed.weights_, repeated.weights_, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(weighed.hits_, repeated.hits_)
    assert weighed.quantization_error_ == pytest.approx(repeated.quantization_error_)
    assert weighed.topographic_error_ == pytest.approx(repeated.topographic_error_)
    assert weighed.score(IRIS, sample_weight=weights) == pytest.approx(-repeated.quantization_error_)


# ---- parts of the map ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("toroidal", [False, True])
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("shape", [(4, 5), (2, 3), (6, 1), (2, 2)])
def test_u_matrix(shape, topology, toroidal):
    start = IRIS[: shape[0] * shape[1]]
    som = SelfOrganizingMap(shape, topology=topology, toroidal=toroidal, initialization=start, max_iter=2).fit(IRIS)
    distances = oracle.map_distances(shape, topology, toroidal=toroidal)
    expected = []
    for unit, weights in enumerate(som.weights_):
        near = (distances[unit] < 1.01) & (np.arange(len(distances)) != unit)
        expected.append(np.linalg.norm(som.weights_[near] - weights, axis=1).mean())
    np.testing.assert_allclose(som.u_matrix().ravel(), expected)
    np.testing.assert_allclose(som.coordinates_, oracle.places(shape, topology))


def test_a_single_unit():
    som = SelfOrganizingMap((1, 1)).fit(IRIS)
    np.testing.assert_allclose(som.weights_, [IRIS.mean(axis=0)], atol=1e-12)
    assert som.u_matrix() == 0 and som.topographic_error_ == 0 == som.topographic_error(IRIS)
    assert som.hits_.tolist() == [[150]]


def test_large_maps_keep_no_matrix_of_all_pairs():
    """Smoothed some units at a time, they are as if all were smoothed at once."""
    X = np.random.default_rng(0).standard_normal((3000, 2))
    som = SelfOrganizingMap((50, 60), max_iter=2, radius=3.0).fit(X)
    distances = oracle.map_distances((50, 60), "hexagonal")
    units = oracle.linear_units(X, np.ones(3000), (50, 60))
    for radius in (3.0, 1.0):
        best = oracle.squares(X, units).argmin(axis=1)
        shares = oracle.neighborhood("gaussian", distances, radius)[:, best]
        is_near = shares.sum(axis=1) > 1e-200
        units = np.where(is_near[:, np.newaxis], shares @ X / np.maximum(shares.sum(axis=1), 1e-200)[:, None], units)
    np.testing.assert_allclose(som.weights_, units, atol=1e-9)


# ---- samples on the map ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def som():
    return SelfOrganizingMap((5, 4), max_iter=6).fit(IRIS)


def test_what_samples_are_on_the_map(som):
    squares = oracle.squares(IRIS, som.weights_)
    best = squares.argmin(axis=1)
    np.testing.assert_allclose(som.transform(IRIS), np.sqrt(squares))
    np.testing.assert_array_equal(som.predict(IRIS), best)
    np.testing.assert_array_equal(som.quantize(IRIS), som.weights_[best])
    np.testing.assert_allclose(som.score_samples(IRIS), -np.sqrt(squares.min(axis=1)))
    assert som.score(IRIS) == pytest.approx(-som.quantization_error_)
    np.testing.assert_array_equal(som.hits(IRIS), som.hits_)
    np.testing.assert_array_equal(clone(som).fit_predict(IRIS), best)
    np.testing.assert_array_equal(som.transform(som.weights_).diagonal(), 0)


def test_label_map(som):
    names = np.array(["setosa", "versicolor", "virginica"])[Y_IRIS]
    labels, best = som.label_map(IRIS, names), som.predict(IRIS)
    for unit, label in enumerate(labels.ravel()):
        mine = names[best == unit]
        if not mine.size:
            assert label is None
        else:
            counts = {name: np.sum(mine == name) for name in sorted(set(mine))}
            assert counts[label] == max(counts.values())
    assert np.mean(labels.ravel()[best] == names) > 0.9
    with pytest.raises(ValueError, match="y must have a label for each sample"):
        som.label_map(IRIS, np.c_[names, names])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        som.label_map(IRIS, names[:-1])


def test_types(som):
    small = SelfOrganizingMap((5, 4), max_iter=6).fit(IRIS.astype(np.float32))
    assert small.weights_.dtype == small.transform(IRIS).dtype == np.float32
    np.testing.assert_allclose(small.weights_, som.weights_, rtol=1e-3, atol=1e-3)
    whole = np.round(10 * X_IRIS).astype(np.uint8)
    as_they_are, as_floats = SelfOrganizingMap((4, 3)).fit(whole), SelfOrganizingMap((4, 3)).fit(whole.astype(float))
    np.testing.assert_array_equal(as_they_are.weights_, as_floats.weights_)


@pytest.mark.parametrize("training", ["batch", "online"])
def test_sparse_samples_are_like_dense_ones(training):
    X = scipy.sparse.random_array((200, 30), density=0.2, rng=np.random.default_rng(0)).tocsr()
    som = SelfOrganizingMap((4, 3), training=training, max_iter=4, random_state=0)
    sparse, dense = clone(som).fit(X), clone(som).fit(X.toarray())
    np.testing.assert_allclose(sparse.weights_, dense.weights_, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(sparse.predict(X.tocsc()), dense.predict(X.toarray()))


def test_in_a_pipeline_with_names():
    pipeline = make_pipeline(StandardScaler(), SelfOrganizingMap((3, 2))).set_output(transform="pandas")
    frame = load_iris(as_frame=True).data
    distances = pipeline.fit_transform(frame)
    assert list(distances.columns) == [f"selforganizingmap{i}" for i in range(6)]


# ---- epochs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", ["batch", "online"])
def test_partial_fit_is_an_epoch(training):
    som = SelfOrganizingMap((4, 3), training=training, max_iter=5, random_state=1)
    whole, parts = clone(som).fit(IRIS), clone(som)
    for _ in range(5):
        parts.partial_fit(IRIS)
    np.testing.assert_array_equal(parts.weights_, whole.weights_)
    assert parts.history_["loss"] == whole.history_["loss"] and parts.n_iter_ == 5
    parts.partial_fit(IRIS[:60])
    assert parts.history_["radius"][-1] == 1.0 and parts.n_iter_ == 6
    if training == "online":
        assert parts.history_["learning_rate"][-1] == pytest.approx(0.01)


def test_callbacks_may_set_the_learning_rate():
    class Sets(Callback):
        def on_epoch_begin(self, fit):
            fit.learning_rate = 1e-12

    for training in ("batch", "online"):
        start = IRIS[:12]
        som = SelfOrganizingMap((4, 3), training=training, initialization=start, max_iter=3, callbacks=[Sets()])
        np.testing.assert_allclose(som.fit(IRIS).weights_, start, atol=1e-8)
    online = SelfOrganizingMap((4, 3), training="online", max_iter=3, callbacks=[Sets()], random_state=0).fit(IRIS)
    assert max(online.history_["learning_rate"]) <= 1e-12


@pytest.mark.parametrize("training", ["batch", "online"])
def test_any_number_of_threads(training):
    X = np.random.default_rng(0).standard_normal((5000, 6))
    som = SelfOrganizingMap((7, 6), training=training, max_iter=3, random_state=0)
    contract.assert_same_bits_for_any_threads(som, X, methods=("predict", "transform", "score_samples"))


# ---- files -----------------------------------------------------------------------------------------------------------


def test_files(tmp_path, som):
    contract.assert_comes_back_from_a_file(som, IRIS, tmp_path / "map", ("predict", "transform"))
    start = clone(som).set_params(initialization=IRIS[:20], shape=(5, 4)).fit(IRIS)
    contract.assert_comes_back_from_a_file(start, IRIS, tmp_path / "map", ("predict",))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weights_", np.zeros((19, 4)), "weights_ is no matrix of 20 units"),
        ("weights_", np.zeros((20, 0)), "weights_ is no matrix of 20 units"),
        ("weights_", np.zeros((20, 4), int), "weights_ is no matrix of 20 units"),
        ("weights_", np.full((20, 4), np.nan), "weights_ must be finite"),
        ("weights_", np.zeros((20, 5)), "n_features_in_ must be 5; got 4"),
        ("n_features_in_", 5, "n_features_in_ must be 4; got 5"),
        ("coordinates_", np.zeros((19, 2)), "coordinates_ does not fit weights_"),
        ("hits_", np.zeros(20), "hits_ does not fit shape"),
        ("shape", (5, 5), "weights_ is no matrix of 25 units"),
        ("topology", "round", "topology"),
        ("n_jobs", 5000, "n_jobs=5000 is more than 1024"),
        ("feature_names_in_", np.array(["a"], object), "feature_names_in_ does not fit weights_"),
    ],
)
def test_what_a_file_must_not_say(name, value, message, som, tmp_path):
    forged = clone(som).fit(IRIS)
    vars(forged)[name] = value
    with pytest.raises(ValueError, match=message):
        fastmlp.save(forged, tmp_path / "map")


# ---- what is refused, and what is said -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shape": (3,)}, r"shape must be \(n_rows, n_columns\), two integers of at least 1; got \(3,\)"),
        ({"shape": (0, 3)}, "shape must be"),
        ({"shape": (2.5, 3)}, "shape must be"),
        ({"shape": (True, 3)}, "shape must be"),
        ({"shape": (1 << 20, 1 << 20)}, "shape must be"),
        ({"shape": (3, 4), "toroidal": True}, "shape must have an even number of rows for toroidal=True"),
        ({"topology": "triangular"}, "The 'topology' parameter"),
        ({"neighborhood": "square"}, "The 'neighborhood' parameter"),
        ({"training": "slow"}, "The 'training' parameter"),
        ({"radius": 0.0}, "The 'radius' parameter"),
        ({"final_radius": -1.0}, "The 'final_radius' parameter"),
        ({"learning_rate_init": 0}, "The 'learning_rate_init' parameter"),
        ({"max_iter": 0}, "The 'max_iter' parameter"),
        ({"initialization": np.zeros((3, 4))}, r"initialization must have the shape \(20, 4\) or \(5, 4, 4\)"),
        ({"initialization": [1]}, r"initialization must have the shape \(20, 4\) or \(5, 4, 4\).* got \(1,\)"),
        ({"initialization": [[1, 2], [3]]}, "initialization must have the shape .* got rows of several lengths"),
        ({"initialization": np.full((20, 4), "a")}, "initialization must be real numbers"),
        ({"initialization": np.full((20, 4), np.nan)}, "initialization must be finite"),
        ({"initialization": np.full((20, 4), 1e200)}, r"initialization has values of up to 1e\+200.*float64"),
    ],
)
def test_parameters_that_are_refused(parameters, message, som):
    new = clone(som).set_params(**parameters)
    contract.assert_refused_without_a_trace(new, lambda new: new.fit(IRIS), ValueError, message)
    fitted = clone(som).fit(IRIS).set_params(**parameters)
    contract.assert_refused_without_a_trace(fitted, lambda fitted: fitted.fit(IRIS), ValueError, message)


def test_calls_that_are_refused(som):
    missing = IRIS.copy()
    missing[3, 1] = np.nan
    for call, message in (
        (lambda som: som.fit(missing), "Input X contains NaN"),
        (lambda som: som.fit(IRIS, sample_weight=np.ones(3)), "sample_weight"),
        (lambda som: som.fit(IRIS, sample_weight=np.zeros(150)), "at least one non-zero"),
        (lambda som: som.fit(IRIS, sample_weight=-np.ones(150)), "[Nn]egative"),
        (lambda som: som.partial_fit(IRIS[:, :3]), "X has 3 features"),
        (lambda som: som.predict(IRIS[:, :3]), "X has 3 features"),
        (lambda som: som.transform(missing), "Input X contains NaN"),
    ):
        contract.assert_refused_without_a_trace(som, call, ValueError, message)
    online = clone(som).set_params(training="online")
    with pytest.raises(ValueError, match="sample_weight is for training='batch'"):
        online.fit(IRIS, sample_weight=np.ones(150))
    other = clone(som).fit(IRIS).set_params(shape=(3, 3))
    for call in (lambda som: som.partial_fit(IRIS), lambda som: som.u_matrix(), lambda som: som.hits(IRIS)):
        with pytest.raises(ValueError, match=r"shape=\(3, 3\) was set after a fit that left 20 units"):
            call(other)


@pytest.mark.parametrize("name", ["predict", "transform", "quantize", "score_samples", "score", "hits"])
def test_methods_before_a_fit(name):
    with pytest.raises(NotFittedError):
        getattr(SelfOrganizingMap(), name)(IRIS)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"topology": "bad"}, "'topology' parameter .* Got 'bad'"), ({"shape": None}, "'shape' parameter .* Got None")],
)
def test_parameters_that_are_set_to_what_cannot_be_after_a_fit(parameters, message, som):
    model = clone(som).fit(IRIS).set_params(**parameters)
    for call in (
        lambda som: som.u_matrix(),
        lambda som: som.hits(IRIS),
        lambda som: som.topographic_error(IRIS),
        lambda som: som.label_map(IRIS, IRIS[:, 0]),
        lambda som: som.partial_fit(IRIS),
    ):
        contract.assert_refused_without_a_trace(model, call, ValueError, message)


@pytest.mark.parametrize("initialization", ["linear", "random"])
@pytest.mark.parametrize(("scale", "dtype"), [(1e160, np.float64), (1e30, np.float32)])
def test_samples_that_are_too_large(initialization, scale, dtype):
    large = (IRIS * scale).astype(dtype)
    message = f"X has values of up to .*, whose squared distances are too large for {np.dtype(dtype)}; scale X down"
    new = SelfOrganizingMap((3, 2), initialization=initialization, random_state=0)
    for X in (large, scipy.sparse.csr_array(large)):
        contract.assert_refused_without_a_trace(new, lambda som, X=X: som.fit(X), ValueError, message)
    fitted = clone(new).fit(IRIS.astype(dtype))
    for name in ("predict", "transform", "score", "partial_fit"):
        contract.assert_refused_without_a_trace(
            fitted, lambda som, name=name: getattr(som, name)(large), ValueError, message
        )
    just = (IRIS * np.sqrt(scale) / 10).astype(dtype)
    assert np.isfinite(clone(new).fit(just).transform(just)).all()


def test_weights_of_samples_that_are_too_large(som):
    message = r"sample_weight has values of up to 1e\+308, .* scale sample_weight down"
    contract.assert_refused_without_a_trace(
        som, lambda som: som.fit(IRIS, sample_weight=np.full(150, 1e308)), ValueError, message
    )
    assert som.score(IRIS, sample_weight=np.full(150, 1e308)) == pytest.approx(som.score(IRIS), rel=1e-12)
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(2,\)"):
        som.score(IRIS, sample_weight=[1, 2])


def test_labels_that_have_no_order(som):
    for labels, kinds in (([None] + ["a"] * 149, "NoneType, str"), (np.array([None] * 150), "NoneType")):
        with pytest.raises(ValueError, match=f"y must have labels that can be sorted, .* got types {kinds}"):
            som.label_map(IRIS, labels)


def test_a_map_larger_than_the_samples_is_told():
    with pytest.warns(MapSizeWarning, match="The map has 100 units for 30 samples.* about 27 units"):
        SelfOrganizingMap(max_iter=1).fit(IRIS[:30])
    weights = np.r_[np.ones(10), np.zeros(140)]
    with pytest.warns(MapSizeWarning, match="20 units for 10 samples"):
        SelfOrganizingMap((5, 4), max_iter=1).fit(IRIS, sample_weight=weights)


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("sigma", "Did you mean 'radius'"),
        ("x", r"shape=\(n_rows, n_columns\)"),
        ("input_len", "follows from X"),
        ("neighborhood_function", "'neighborhood'"),
        ("lattice", "'topology'"),
        ("activation_distance", "Euclidean"),
        ("epochs", "'max_iter'"),
    ],
)
def test_keywords_of_other_libraries(keyword, hint):
    with pytest.raises(TypeError, match=hint):
        SelfOrganizingMap(**{keyword: 1})


def test_names_that_other_libraries_have():
    som = SelfOrganizingMap((3, 2), topology="hexa", neighborhood="cutgauss")
    assert (som.topology, som.neighborhood) == ("hexagonal", "cut_gaussian")
    assert engine.Centers(np.ones((1, 1))).n_centers == 1
