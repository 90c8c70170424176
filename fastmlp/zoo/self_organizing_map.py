"""The Kohonen network: a map of units in the plane, in which near units stand for similar samples."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from fastmlp import engine
from fastmlp.components import Named, real_array
from fastmlp.estimators.base import begins_fit, goes_on_with_fit, restored_on_error
from fastmlp.exceptions import MapSizeWarning, warn_user
from fastmlp.inputs.rows import dense_rows, rows_of
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require, require_jobs
from fastmlp.threads import team_size
from fastmlp.zoo.learning import EpochEstimator
from fastmlp.zoo.map_grid import NEIGHBORHOODS, TOPOLOGIES, Grid
from fastmlp.zoo.map_learning import LEARNERS, Course, largest_of, linear_weights, refuse_too_large

_OF_SHAPE = "shape=(n_rows, n_columns) says how many units there are."


@stored_as("SelfOrganizingMap")
class SelfOrganizingMap(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EpochEstimator, BaseEstimator):
    r"""A self-organizing map, or Kohonen network: units in a plane that arrange themselves among the samples.

    Each unit has a place in the map and a weight vector among the samples. A sample belongs to its best unit, the one
    with the nearest weight vector; and with that unit its neighbours in the map move, so that near units become
    similar. The result shows which samples are alike (:meth:`u_matrix`, the displays), quantizes samples, and makes
    features of them.

    An epoch of the batch map takes all samples to their best units :math:`b(x)`, and each unit to the mean of samples,

    .. math:: w_u = \frac{\sum_x h(u, b(x)) x}{\sum_x h(u, b(x))}, \quad h(u, v) = \exp(-d(u, v)^2 / 2 \sigma^2),

    where d is the distance in the map, in which neighbours are 1 apart, and the radius :math:`\sigma` falls linearly
    from ``radius`` to ``final_radius`` in the first half of the epochs. The online map takes the samples one after
    another in random order, and after each every unit goes the share :math:`\alpha h(u, b(x))` of the way to it.

    Features should have comparable scales, since distances are Euclidean: put a StandardScaler before the map.

    Parameters
    ----------
    shape : tuple of (n_rows, n_columns), default=(10, 10)
        How many units the map has. As many as 5 times the root of the number of samples are a good start (Vesanto);
        with more units than samples there is a warning. A map unfolds best if it is about as much longer than wide as
        the samples' first principal direction is longer than the second.
    topology : {"hexagonal", "rectangular"}, default="hexagonal"
        Whether a unit has six neighbours, or four.
    toroidal : bool, default=False
        Whether opposite edges of the map meet, so that no unit lies at an edge. A hexagonal map must have an even
        number of rows then. Random initialization suits such a map better than linear.
    training : {"batch", "online"}, default="batch"
        The batch map is faster, uses all threads, knows sample weights, and its result does not depend on an order of
        the samples. The online map may learn from a stream, by partial_fit.
    initialization : {"linear", "random"} or array-like of shape (n_units, n_features), default="linear"
        Where units are at first. "linear" spreads them over the plane of the samples' first two principal directions,
        one standard deviation to each side of the mean; "random" takes samples at random; an array has the weights
        themselves, and may have the shape (n_rows, n_columns, n_features).
    neighborhood : {"gaussian", "cut_gaussian", "bubble", "epanechnikov"}, default="gaussian"
        How far a unit goes along with another at a distance of d in the map. "bubble" is 1 up to the radius and 0
        beyond; "cut_gaussian" is the product of both; "epanechnikov" is :math:`\max(0, 1 - d^2 / \sigma^2)`.
    radius : float > 0, default=None
        The radius at first, in units. None means half of the map's longer side, but at least ``final_radius``.
    final_radius : float > 0, default=1.0
        The radius in the second half of the epochs. With less the units come nearer to the samples, and the map tears
        sooner.
    learning_rate_init, final_learning_rate : float > 0, default=0.5 and 0.01
        The share :math:`\alpha` of the online map, which falls linearly from the first to the second.
    max_iter : int >= 1, default=20
        The number of epochs. A fit always does all of them, unless a callback ends it.
    random_state : int, RandomState instance or None, default=None
        Seed of random initialization and of the orders in which the online map takes the samples.
    n_jobs : int, default=None
        Number of threads; -1 is all CPUs, None as many as the work is worth. The result is the same for any number. The
        online map learns in one thread.
    callbacks : list of fastmlp.callbacks.Callback, default=None
        Objects that hear of each epoch. The entries of history are "loss", "radius" and "learning_rate".
    verbose : bool or int, default=False
        True prints a line for each epoch, 1 shows a progress bar.

    Attributes
    ----------
    weights_ : ndarray of shape (n_units, n_features)
        The weights of the units, row by row of the map: ``weights_.reshape(n_rows, n_columns, -1)`` has them in its
        shape. They are float32 where X is, otherwise float64.
    coordinates_ : ndarray of shape (n_units, 2)
        The places of the units in the plane: x to the right, y downwards.
    quantization_error_ : float
        The mean distance between the samples of the fit and their best units.
    topographic_error_ : float
        The share of the samples whose second best unit is no neighbour of the best one.
    hits_ : ndarray of shape (n_rows, n_columns)
        The number of samples of the fit that belong to each unit, or what they weigh.
    history_ : dict of str to list of float
        A value for each epoch: "loss", the mean distance to the best units before these moved; "radius";
        "learning_rate", the share of the way that units go, which is 1 for the batch map; "seconds".
    loss_ : float
        The last loss of the history; quantization_error_ is measured after the last epoch.
    n_iter_ : int
        The number of epochs.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If X has column names that are all texts.

    Warns
    -----
    MapSizeWarning
        When the map has more units than there are samples.

    See Also
    --------
    fastmlp.inspection.UMatrixDisplay : Draws distances between units, and hits.
    fastmlp.inspection.ComponentPlanesDisplay : Draws the weights, a map for each feature.
    sklearn.cluster.KMeans : Centres without a map.

    References
    ----------
    T. Kohonen, Self-Organizing Maps, 3rd edition, Springer 2001. J. Vesanto, J. Himberg, E. Alhoniemi and J.
    Parhankangas, SOM Toolbox for Matlab 5, Helsinki University of Technology 2000, whose choices are these: the linear
    start, an ordering phase and a fine one, and both errors.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import StandardScaler
    >>> from fastmlp.zoo import SelfOrganizingMap
    >>> X, y = load_iris(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> som = SelfOrganizingMap((11, 6)).fit(X)
    >>> round(som.quantization_error_, 2), som.topographic_error_ < 0.05
    (0.39, True)
    >>> som.predict(X[:2]).tolist() == som.transform(X[:2]).argmin(axis=1).tolist()
    True
    >>> som.label_map(X, y).shape
    (11, 6)
    """

    topology = Named(TOPOLOGIES)
    neighborhood = Named(NEIGHBORHOODS)

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: EpochEstimator._parameter_constraints[name]
            for name in ("learning_rate_init", "max_iter", "random_state", "n_jobs", "callbacks", "verbose")
        },
        "shape": [tuple, list, np.ndarray],
        "topology": [StrOptions(set(TOPOLOGIES))],
        "toroidal": ["boolean"],
        "training": [StrOptions(set(LEARNERS))],
        "initialization": [StrOptions({"linear", "random"}), "array-like"],
        "neighborhood": [StrOptions(set(NEIGHBORHOODS))],
        "radius": [Interval(Real, 0, None, closed="neither"), None],
        "final_radius": [Interval(Real, 0, None, closed="neither")],
        "final_learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    _advice: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("x", "y", "m", "n", "nrows", "ncolumns", "ncols", "rows", "columns", "msize", "munits", "mapsize",
             "gridsize", "size", "nunits", "nneurons", "dim", "dims"),
            _OF_SHAPE,
        ),
        **dict.fromkeys(("inputlen", "inputdim", "nfeatures"), "The number of features follows from X."),
        **dict.fromkeys(("sigma", "radiusini", "initialradius", "neighborhoodradius"), "Did you mean 'radius'?"),
        **dict.fromkeys(("radiusfin", "sigmafinal", "radiusend"), "Did you mean 'final_radius'?"),
        **dict.fromkeys(("neighborhoodfunction", "neigh", "neighbourhood"), "Did you mean 'neighborhood'?"),
        **dict.fromkeys(("lattice", "grid", "gridtype"), "Did you mean 'topology'?"),
        **dict.fromkeys(("alphaini", "alpha", "learningrate"), "Did you mean 'learning_rate_init'?"),
        **dict.fromkeys(("trainlen", "numiteration", "numiterations"), "Did you mean 'max_iter'? It counts epochs."),
        **dict.fromkeys(("init", "initialisation", "codebook"), "Did you mean 'initialization'?"),
        **dict.fromkeys(("maptype", "wrap", "periodic", "torus"), "Did you mean 'toroidal'?"),
        **dict.fromkeys(
            ("activationdistance", "metric", "distance"),
            "Distances are Euclidean; for cosines give rows of length 1, by sklearn.preprocessing.Normalizer.",
        ),
    }  # fmt: skip

    weights_: NDArray
    coordinates_: NDArray
    quantization_error_: float
    topographic_error_: float
    hits_: NDArray

    def __init__(
        self,
        shape: Any = (10, 10),
        *,
        topology: str = "hexagonal",
        toroidal: bool = False,
        training: str = "batch",
        initialization: Any = "linear",
        neighborhood: str = "gaussian",
        radius: float | None = None,
        final_radius: float = 1.0,
        learning_rate_init: float = 0.5,
        final_learning_rate: float = 0.01,
        max_iter: int = 20,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Any = None,
        verbose: Any = False,
    ) -> None:
        self._set_parameters(locals())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ---- fits --------------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the map to samples, from the beginning.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            An array is read in place, whatever its type.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; for the batch map only.

        Returns
        -------
        self : SelfOrganizingMap

        Raises
        ------
        ValueError
            When a parameter or a sample is not what it must be; it names which.
        """
        self._announce_epochs()
        return self._learned(X, sample_weight, is_incremental=False)

    @goes_on_with_fit
    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from samples for one epoch: the next one of those of a fit, where the first call is the first.

        As many calls with the same samples as there are epochs are a fit. Further calls have the final radius and the
        final learning rate, so that the map follows what it sees. Take ``training="online"`` if the samples of each
        call are others: an epoch of the batch map leaves nothing of what units had learned before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; for the batch map only.

        Returns
        -------
        self : SelfOrganizingMap
        """
        self._validate_params()
        return self._learned(X, sample_weight, is_incremental=True)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray:
        """Fit the map, and return the number of each sample's best unit."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def _learned(self, given: Any, sample_weight: Any, *, is_incremental: bool) -> Self:
        shape = self._shape()
        goes_on = is_incremental and hasattr(self, "weights_")
        if goes_on:
            self._check_fitted_shape()
        with restored_on_error(self):
            X = self._validated_samples(given, reset=not goes_on)
            dtype = self.weights_.dtype if goes_on else np.dtype(np.float32 if X.dtype == np.float32 else np.float64)
            refuse_too_large(X, dtype)
            rows = rows_of(X, dtype)
            weights = self._checked_weights(sample_weight, X)
            random = check_random_state(self.random_state)
            seed = random.randint(2**31 - 1)
            start = self.weights_ if goes_on else self._first_weights(X, weights, random, dtype)
            radius = max(max(shape) / 2, self.final_radius) if self.radius is None else self.radius
            learner = LEARNERS[self.training](
                rows,
                weights,
                np.ascontiguousarray(start),
                grid=self._grid(),
                neighborhood=self.neighborhood,
                course=Course(
                    self.max_iter, radius, self.final_radius, self.learning_rate_init, self.final_learning_rate
                ),
                n_epochs=self.n_iter_ if goes_on else 0,
                seed=seed,
                n_threads=self._n_threads(rows, start),
            )
            fit = self._learn(
                learner, given, X, n_samples=rows.n_rows, batch_size=rows.n_rows, is_incremental=is_incremental
            )
        return self._told_of_errors(fit)

    def _checked_weights(self, sample_weight: Any, X: Any) -> NDArray | None:
        """Return what samples weigh, None for 1 each; say aloud that the map is larger than the samples are many."""
        weights = None
        n = X.shape[0]
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if self.training == "online":
                raise ValueError("sample_weight is for training='batch'; the online map takes each sample once.")
            largest, most = float(weights.max()), np.finfo(np.float64).max
            if largest > most / (n * max(1.0, largest_of(X))):
                raise ValueError(
                    f"sample_weight has values of up to {largest:g}, whose sums, times X, are too large for float64;"
                    " scale sample_weight down: the map depends on proportions alone."
                )
            n = np.count_nonzero(weights)
        n_units = int(np.prod(self._shape()))
        if n_units > n:
            warn_user(
                f"The map has {n_units} units for {n} samples, so most units will be nobody's best. Give it a smaller"
                f" shape; about {max(1, round(5 * np.sqrt(n)))} units, 5 times the root of that number, are usual where"
                " there are fewer units than samples.",
                MapSizeWarning,
            )
        return weights

    def _first_weights(
        self, X: Any, sample_weight: NDArray | None, random: np.random.RandomState, dtype: np.dtype
    ) -> NDArray:
        """Return the weights of all units before the first epoch, in a type."""
        shape, n_features = self._shape(), X.shape[1]
        n_units = shape[0] * shape[1]
        if not isinstance(self.initialization, str):
            return self._given_weights((n_units, n_features), (*shape, n_features), dtype=dtype)
        if self.initialization == "linear":
            return linear_weights(X, sample_weight, shape).astype(dtype)
        found = np.arange(X.shape[0]) if sample_weight is None else np.flatnonzero(sample_weight)
        chosen = random.choice(found, n_units, replace=n_units > len(found))
        some = (X.tocsr() if hasattr(X, "tocsr") else X)[chosen]
        return dense_rows(some, dtype)

    def _given_weights(self, *shapes: tuple[int, ...], dtype: np.dtype) -> NDArray:
        """Return the parameter initialization, which must have one of the shapes, in the first of them."""
        try:
            shape = np.shape(self.initialization)
        except ValueError:
            shape = None
        if shape not in shapes:
            raise ValueError(
                f"initialization must have the shape {shapes[0]} or {shapes[1]}, a row for each unit of the map; got"
                f" {'rows of several lengths' if shape is None else shape}."
            )
        given = real_array(self.initialization, shape, np.dtype(np.float64), "initialization")
        refuse_too_large(given, dtype, "initialization")
        return given.reshape(shapes[0]).astype(dtype)

    def _keep_map(self, weights: NDArray, rows: Any, sample_weight: NDArray | None) -> None:
        """Set the fitted attributes, given the weights of the units and the samples they learned from."""
        grid = self._grid()
        first, second, squares = engine.Centers(weights).two_nearest(rows, n_threads=self._n_threads(rows, weights))
        self.weights_ = weights
        self.coordinates_ = grid.coordinates()
        self.quantization_error_ = float(np.average(np.sqrt(squares), weights=sample_weight))
        self.topographic_error_ = float(np.average(grid.are_apart(first, second), weights=sample_weight))
        self.hits_ = np.bincount(first, sample_weight, minlength=grid.n_units).reshape(grid.shape)

    # ---- what the map is ---------------------------------------------------------------------------------------------

    def _shape(self) -> tuple[int, int]:
        """Return the shape as two integers; refuse what is none."""
        sizes = tuple(self.shape)
        are_sizes = all(
            isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0 for size in sizes
        )
        if len(sizes) != 2 or not are_sizes or int(sizes[0]) * int(sizes[1]) >= 1 << 31:
            raise ValueError(f"shape must be (n_rows, n_columns), two integers of at least 1; got {self.shape!r}.")
        if self.toroidal and self.topology == "hexagonal" and sizes[0] % 2:
            raise ValueError(
                f"shape must have an even number of rows for toroidal=True and topology='hexagonal', where every other"
                f" row is shifted; got {self.shape!r}."
            )
        return int(sizes[0]), int(sizes[1])

    def _check_fitted_shape(self) -> None:
        n_units = int(np.prod(self._shape()))
        if len(self.weights_) != n_units:
            raise ValueError(
                f"shape={self.shape!r} was set after a fit that left {len(self.weights_)} units; call fit again."
            )

    def _grid(self) -> Grid:
        return Grid(self._shape(), self.topology, toroidal=bool(self.toroidal))

    def _fitted_grid(self) -> Grid:
        check_is_fitted(self)
        self._validate_params()
        self._check_fitted_shape()
        return self._grid()

    def _n_threads(self, rows: Any, weights: NDArray) -> int:
        return team_size(self.n_jobs, 2.0 * rows.n_rows * weights.size)

    @property
    def _n_features_out(self) -> int:
        """The number of columns of transform, which ClassNamePrefixFeaturesOutMixin asks for."""
        return len(self.weights_)

    def u_matrix(self) -> NDArray:
        """Return the mean distance between each unit's weights and those of its neighbours in the map.

        Large values are borders between groups of similar samples.

        Returns
        -------
        distances : ndarray of float64 of shape (n_rows, n_columns)
        """
        return self._fitted_grid().mean_over_neighbors(self.weights_)

    # ---- samples on the map ------------------------------------------------------------------------------------------

    def _asked(self, X: Any) -> tuple[Any, Any, int]:
        """Return the units as the engine takes them, the samples that it is asked about, and in how many threads."""
        check_is_fitted(self)
        X = self._validated_samples(X, reset=False)
        refuse_too_large(X, self.weights_.dtype)
        rows = rows_of(X, self.weights_.dtype)
        return engine.Centers(np.ascontiguousarray(self.weights_)), rows, self._n_threads(rows, self.weights_)

    def predict(self, X: Any) -> NDArray:
        """Return the number of each sample's best unit.

        The unit in row r and column c of the map has the number r * n_columns + c:
        ``np.unravel_index(som.predict(X), som.shape)`` has rows and columns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        units : ndarray of int of shape (n_samples,)
        """
        units, rows, n_threads = self._asked(X)
        return units.nearest(rows, n_threads=n_threads)[0].astype(np.int64)

    def transform(self, X: Any) -> NDArray:
        """Return the distance from each sample to each unit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        distances : ndarray of shape (n_samples, n_units), of the type of the weights
        """
        units, rows, n_threads = self._asked(X)
        squares = units.squared_distances(rows, n_threads=n_threads)
        return np.sqrt(squares, out=squares)

    def quantize(self, X: Any) -> NDArray:
        """Return the weights of each sample's best unit, (n_samples, n_features): the samples as the map has them."""
        units = self.predict(X)
        return self.weights_[units]

    def score_samples(self, X: Any) -> NDArray:
        """Return the distance from each sample to its best unit, with a minus: the lower, the stranger the sample."""
        units, rows, n_threads = self._asked(X)
        return -np.sqrt(units.nearest(rows, n_threads=n_threads)[1])

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the quantization error of samples with a minus, so that more is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
        """
        scores = self.score_samples(X)
        if sample_weight is None:
            return float(scores.mean())
        weights = _check_sample_weight(sample_weight, scores, dtype=np.float64, ensure_non_negative=True)
        return float(np.average(scores, weights=weights / weights.max()))

    def topographic_error(self, X: Any) -> float:
        """Return the share of samples whose second best unit is no neighbour of the best one.

        It is how much the map is torn: 0 where it keeps all neighbourhoods. As in the SOM Toolbox, units of a
        rectangular map have four neighbours.
        """
        grid = self._fitted_grid()
        units, rows, n_threads = self._asked(X)
        first, second, _ = units.two_nearest(rows, n_threads=n_threads)
        return float(grid.are_apart(first, second).mean())

    def hits(self, X: Any) -> NDArray:
        """Return how many samples belong to each unit, (n_rows, n_columns)."""
        grid = self._fitted_grid()
        return np.bincount(self.predict(X), minlength=grid.n_units).reshape(grid.shape)

    def label_map(self, X: Any, y: ArrayLike) -> NDArray:
        """Return the most frequent label among each unit's samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            The labels. Of equally frequent ones it is the first in sorted order.

        Returns
        -------
        labels : ndarray of object of shape (n_rows, n_columns)
            It is None for units without samples.
        """
        grid, units = self._fitted_grid(), self.predict(X)
        y = np.asarray(y)
        if y.ndim != 1:
            raise ValueError(f"y must have a label for each sample, of shape (n_samples,); got shape {y.shape}.")
        check_consistent_length(units, y)
        try:
            classes, codes = np.unique(y, return_inverse=True)
        except TypeError:
            kinds = ", ".join(sorted({type(label).__name__ for label in y}))
            raise ValueError(
                f"y must have labels that can be sorted, such as texts or numbers alone; got types {kinds}."
            ) from None
        counts = np.bincount(units * len(classes) + codes, minlength=grid.n_units * len(classes))
        counts = counts.reshape(grid.n_units, -1)
        labels = classes.astype(object)[counts.argmax(axis=1)]
        labels[counts.sum(axis=1) == 0] = None
        return labels.reshape(grid.shape)

    # ---- files -------------------------------------------------------------------------------------------------------

    def check_state(self) -> None:
        """Refuse what a file must not say: a map whose arrays do not fit its shape, or that is not of numbers."""
        require_jobs(self.n_jobs)
        if "weights_" not in vars(self):
            return
        self._validate_params()
        shape = self._shape()
        n_units = shape[0] * shape[1]
        weights: Any = self.weights_
        is_matrix = type(weights) is np.ndarray and weights.ndim == 2 and weights.dtype in (np.float32, np.float64)
        require(is_matrix and len(weights) == n_units and weights.size, f"weights_ is no matrix of {n_units} units")
        require(np.isfinite(weights).all(), "weights_ must be finite")
        given = getattr(self, "n_features_in_", None)
        is_width = isinstance(given, int | np.integer) and given == weights.shape[1]
        require(is_width, f"n_features_in_ must be {weights.shape[1]}", given)
        names: Any = getattr(self, "feature_names_in_", None)
        are_names = is_array(names, weights.shape[1], kinds="O") and all(isinstance(name, str) for name in names)
        require(names is None or are_names, "feature_names_in_ does not fit weights_")
        require(is_array(getattr(self, "coordinates_", None), n_units, 2), "coordinates_ does not fit weights_")
        require(is_array(getattr(self, "hits_", None), *shape, kinds="fi"), "hits_ does not fit shape")
