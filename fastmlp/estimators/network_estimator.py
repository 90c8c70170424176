"""An estimator whose fitted attributes are the numbers of a network: keeping one, making one, predicting with one.

Nothing here knows of targets, nor of how the network was fitted.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from fastmlp.estimators.base import Estimator
from fastmlp.estimators.prediction import Decoding, KeptPredictor, numbers_of_frame
from fastmlp.inputs.columns import ColumnsLayout
from fastmlp.inputs.rows import in_place_dtype, refuse_broken, rows_of
from fastmlp.inputs.validation import validated
from fastmlp.network import (
    HiddenLayer,
    Network,
    Objective,
    Predictor,
    Structure,
    forward_in_pieces,
    hidden_layers,
)
from fastmlp.threads import prediction_team

# The types that networks compute in. Types that are the same object are found in no time.
_COMPUTE_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


class NetworkEstimator(Estimator):
    """The base of estimators whose fitted attributes are the numbers of a network.

    The attributes are the source of truth: every fit that goes on, and every prediction, takes the numbers from
    ``coefs_``, ``intercepts_`` and what stands beside them. A subclass has the parameters activation, normalization,
    dtype and n_jobs, and may have residual and embedding_size; it calls :meth:`_keep` at the end of a fit, and says in
    :meth:`_decoding` what outputs mean.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.estimators.base import begins_fit
    >>> from fastmlp.estimators.network_estimator import NetworkEstimator
    >>> from fastmlp.estimators.prediction import NumberDecoding
    >>> from fastmlp.network import Network
    >>> class RandomFeatures(NetworkEstimator):
    ...     def __init__(self, n_outputs=3, activation="relu", normalization=None, dtype="auto", n_jobs=None):
    ...         self._set_parameters(locals())
    ...     @begins_fit
    ...     def fit(self, X, y=None):
    ...         X = self._validated_samples(X, reset=True)
    ...         self._keep(Network.create([X.shape[1], 8, self.n_outputs], self.activation, random_state=0))
    ...         return self
    ...     def _decoding(self):
    ...         return NumberDecoding(self.n_outputs_)
    >>> RandomFeatures().fit(np.ones((5, 2))).predict(np.ones((4, 2))).shape
    (4, 3)
    """

    coefs_: list[NDArray]
    intercepts_: list[NDArray]
    n_layers_: int
    n_outputs_: int
    out_activation_: str

    # The parameters that are used here.
    activation: Any
    normalization: Any
    residual: bool = False
    embedding_size: int | None = None
    dtype: Any
    n_jobs: int | None

    # What a fitted network may have beside coefs_ and intercepts_, and the attribute that holds it: a list with an
    # element for each hidden layer, or a vector with one for each input.
    _OF_LAYERS: ClassVar[dict[str, str]] = {
        "gains": "gains_",
        "activation_parameters": "activation_parameters_",
        "projections": "projections_",
        "running": "running_moments_",
    }
    _OF_INPUTS: ClassVar[dict[str, str]] = {"input_means": "input_means_", "input_scales": "input_scales_"}
    _BESIDE_WEIGHTS: ClassVar[dict[str, str]] = {**_OF_LAYERS, **_OF_INPUTS}

    @abstractmethod
    def _decoding(self) -> Decoding:
        """Return the way from the fitted network's outputs to predictions."""

    # ---- attributes and networks -------------------------------------------------------------------------------------

    def _keep(self, network: Network) -> None:
        """Set the attributes that hold a fitted network."""
        self.coefs_, self.intercepts_ = network.coefs, network.intercepts
        for ours, name in self._BESIDE_WEIGHTS.items():
            value = getattr(network, ours)
            if value is None or (isinstance(value, list) and all(part is None for part in value)):
                self.__dict__.pop(name, None)
            else:
                setattr(self, name, value)
        self._keep_outline(network)

    def _keep_outline(self, network: Network) -> None:
        """Set the attributes that say what a network is like, which a fit needs before it has the numbers."""
        sizes = network.structure.sizes
        self.n_layers_, self.n_outputs_ = len(sizes), sizes[-1]
        self.out_activation_ = network.objective.link

    def _with_network(self, network: Network) -> Self:
        """Return a copy of the estimator that predicts with a network."""
        other = copy.copy(self)
        other._keep(network)
        return other

    def _network(self, dtype: np.dtype) -> Network:
        """Return a copy of the fitted network, to predict with: of its objective it has the output activation alone."""
        return self._network_for(self._hidden_layers(), Objective.with_link(self.out_activation_), dtype)

    def _network_for(self, hidden: tuple[HiddenLayer, ...], objective: Objective, dtype: np.dtype) -> Network:
        """Return a copy of the fitted network with an objective.

        Parameters
        ----------
        hidden : tuple of HiddenLayer
            The hidden layers that activation, normalization and residual ask for.
        objective : Objective
        dtype : dtype
            The type of the network's numbers.

        Raises
        ------
        ValueError
            When the fitted network has not what activation, normalization and residual ask for, or has more.
        """
        layout = self.__dict__.get("columns_layout_")
        self._check_embeddings(layout)
        structure = Structure.of(self._sizes(), hidden, columns=layout)
        network = Network(structure, objective=objective, dtype=dtype)
        held = {"coefs": self.coefs_, "intercepts": self.intercepts_}
        held |= {ours: getattr(self, name, [None] * len(network.running)) for ours, name in self._OF_LAYERS.items()}
        for ours, arrays in held.items():
            for i, (array, given) in enumerate(zip(getattr(network, ours), arrays, strict=True)):
                if (array is None) != (given is None):
                    raise ValueError(
                        f"Hidden layer {i} of the fitted network has {'no' if given is None else 'its'}"
                        f" {self._OF_LAYERS[ours]}, unlike what activation={self.activation!r},"
                        f" normalization={self.normalization!r} and residual={self.residual!r} ask for."
                    )
                if array is not None:
                    array[:] = given
        for ours, name in self._OF_INPUTS.items():
            if hasattr(self, name):
                setattr(network, ours, np.array(getattr(self, name), dtype=np.float64))
        return network

    def _sizes(self) -> tuple[int, ...]:
        """Return the units of each layer of the fitted network, inputs and outputs included."""
        return (self.coefs_[0].shape[0], *(len(biases) for biases in self.intercepts_))

    def _check_embeddings(self, layout: ColumnsLayout | None) -> None:
        """Refuse an embedding_size that is not that of the fitted network."""
        size, (weights, biases) = self.embedding_size, (self.coefs_[0], self.intercepts_[0])
        fits = weights.shape[1] == len(biases)
        if size is not None:
            fits = layout is not None and weights.shape[1] == size and len(biases) == size * layout.n_columns
        if not fits:
            raise ValueError(
                f"embedding_size={size!r} is not that of the fitted network, whose first layer has weights of shape"
                f" {weights.shape} and {len(biases)} units."
            )

    def _hidden_layers(self) -> tuple[HiddenLayer, ...]:
        kind, embeds = "residual" if self.residual else "dense", self.embedding_size is not None
        n_hidden = len(self.coefs_) - 1 - embeds
        return hidden_layers(self.activation, self.normalization, n_hidden, kind, embeds=embeds)

    # ---- types -------------------------------------------------------------------------------------------------------

    def _dtype_asked_for(self) -> np.dtype | None:
        """Return the type of the weights that the parameter dtype names; None for 'auto'."""
        return None if self.dtype == "auto" else np.dtype("float32" if self.dtype == "bfloat16" else self.dtype)

    def _compute_dtype(self, given: np.dtype) -> np.dtype:
        """Return the type to compute in: that which dtype names, or scikit-learn's choice given samples or weights."""
        return self._dtype_asked_for() or single_or_double(given)

    def _validation_dtype(self, X: Any) -> Any:
        if in_place_dtype(X):
            return "numeric"
        return self._dtype_asked_for() or (np.float64, np.float32)

    # ---- predicting --------------------------------------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> NDArray:
        """Predict labels or numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        decoding = self._fitted_decoding()
        return decoding.predictions(self._outputs(X, decoding))

    def _fitted_decoding(self) -> Decoding:
        """Return the way to predictions, or refuse to predict before fit."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        return self._decoding()

    def _outputs(self, X: Any, decoding: Decoding) -> NDArray:
        """Return the network's outputs for X, shape (n_samples, n_outputs)."""
        answers = self._plain_answers(X, decoding)
        return self._checked_outputs(X, decoding) if answers is None else decoding.outputs(answers)

    def _answers(self, X: Any, decoding: Decoding) -> NDArray:
        """Return the network's outputs for X in the decoding's form."""
        answers = self._plain_answers(X, decoding)
        return decoding.answers(self._checked_outputs(X, decoding)) if answers is None else answers

    def _plain_answers(self, X: Any, decoding: Decoding) -> NDArray | None:
        """Return what a predictor answers, for samples that pass every check as they are; None for all else."""
        fitted = self.__dict__
        if "feature_names_in_" in fitted:
            X = numbers_of_frame(X, fitted["feature_names_in_"], self.coefs_[0].dtype)
        if type(X) is not np.ndarray:
            return None
        dtype = X.dtype
        if dtype not in _COMPUTE_DTYPES or dtype != self.coefs_[0].dtype:
            return None
        if self.dtype != "auto" and dtype.name != ("float32" if self.dtype == "bfloat16" else self.dtype):
            return None
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            return None
        return KeptPredictor.of(self, decoding.form).if_valid(X)

    def _checked_outputs(self, X: Any, decoding: Decoding, depth: int | None = None) -> NDArray:
        """Return the network's outputs for samples of any kind, which scikit-learn's checks have gone through.

        With depth, the samples go through that many layers, and the outputs are those of the last of them.
        """
        refuse_broken(X)
        X = validated(self, X, accept_sparse=["csr", "csc"], reset=False)
        if self.dtype != "auto":
            self._validate_params()  # The type may have been set after fit.
        dtype = self._compute_dtype(np.result_type(X.dtype, self.coefs_[0].dtype))
        if dtype == self.coefs_[0].dtype:
            packed = KeptPredictor.of(self, decoding.form)
        else:
            packed = self._network(dtype).predictor(decoding.form, self.n_jobs)
        team = prediction_team(self.n_jobs)
        # The biases of the packed network centre CSR samples, which are not centred as they are read.
        if scipy.sparse.issparse(X) and packed.input_is_scaled and self.input_means_.any():
            # Centred before a layer normalization, sparse samples are dense.
            pieces = (X[start : start + 1024].toarray() for start in range(0, X.shape[0], 1024))
            parts = [forward_in_pieces(packed, rows_of(piece, dtype), None, team, depth=depth) for piece in pieces]
            return np.concatenate(parts)
        return forward_in_pieces(packed, rows_of(X, dtype), None, team, depth=depth)

    def predictor(self) -> Predictor:
        """Return a bare function for predictions at the least cost per call.

        It checks shape and type of its argument and nothing else: NaN and infinity go through, and names of columns are
        not looked at. Its parameters are a copy, made now; a later fit does not change it. It may be called from many
        threads at once. It cannot be pickled: it is made where it is used.

        Returns
        -------
        predictor : callable
            Takes a C-contiguous array of shape (n_samples, n_features) and of the type the model computes in: that of
            ``coefs_``, or what the parameter dtype names; or EncodedColumns, where the model was fitted to such.
            Returns what predict_proba (or decision_function; of a regressor: predict) returns for it; of several
            classes with loss='squared_error' before they are made to sum to 1. Raises ValueError for anything else.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from fastmlp import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((20,), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
        >>> predictor = clf.predictor()
        >>> np.array_equal(predictor(X[:1]), clf.predict_proba(X[:1]))
        True
        """
        check_is_fitted(self)
        self._validate_params()
        dtype = self._compute_dtype(self.coefs_[0].dtype.newbyteorder("="))
        return self._network(dtype).predictor(self._decoding().form, self.n_jobs)

    # What a kept predictor is compared with: see prediction.py.

    def _predictor_key(self, form: str) -> tuple:
        """Return what a predictor depends on beside the fitted numbers."""
        activation = self.activation if type(self.activation) is str else self._hidden_layers()
        columns = self.embedding_size, self.__dict__.get("columns_layout_")
        return activation, self.normalization, self.residual, self.out_activation_, self.n_jobs, form, columns

    @property
    def _has_more_than_weights(self) -> bool:
        """Whether the fitted network has other numbers than weights and biases."""
        return any(name in self.__dict__ for name in self._BESIDE_WEIGHTS.values())

    def _bits(self) -> list:
        """Return all numbers of the fitted network, as they are in memory."""
        arrays: list[NDArray | None] = [*self.coefs_, *self.intercepts_]
        for name in self._BESIDE_WEIGHTS.values():
            extra = getattr(self, name, None)
            arrays += extra if isinstance(extra, list) else [extra]
        return [None if array is None else (array.dtype, array.shape, array.tobytes()) for array in arrays]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def single_or_double(dtype: np.dtype) -> np.dtype:
    """Return scikit-learn's choice of a type to compute in: float32 stays, all others become float64.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.estimators.network_estimator import single_or_double
    >>> single_or_double(np.dtype("float32")), single_or_double(np.dtype("int8"))
    (dtype('float32'), dtype('float64'))
    """
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)
