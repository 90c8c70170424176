"""What estimators share that are made of two networks, of which one hands gradients to the other.

Each network is kept as one flat vector of parameters; what it is like follows from the estimator's parameters and from
the width of the samples. A :class:`PairLearner` has both in the engine while they learn.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from fastmlp.activations import ACTIVATIONS, Activation
from fastmlp.components import Named, whole_number
from fastmlp.estimators.base import goes_on_with_fit, restored_on_error
from fastmlp.estimators.fitted_state import check_kept_vectors
from fastmlp.estimators.network_estimator import single_or_double
from fastmlp.fitting.learning_pass import LearningPass
from fastmlp.fitting.recipe import hidden_sizes, optimizer_of
from fastmlp.inputs.rows import dense_rows, rows_of
from fastmlp.network import Network, Regularization, Structure, forward_in_pieces
from fastmlp.optimizers import LBFGS, OPTIMIZERS, Descent, Optimizer
from fastmlp.schedules import SCHEDULES, Schedule
from fastmlp.soundness import is_count, require, require_jobs
from fastmlp.threads import prediction_team, team_size
from fastmlp.zoo.learning import EpochEstimator, LearnedFit

#: The constraints of a parameter that gives hidden layers their sizes.
SIZES = ["array-like", Interval(Integral, 1, None, closed="left")]
#: The constraints of a parameter that names the activation of hidden layers.
ACTIVATION = [str, Activation, list, tuple]


class Outline(NamedTuple):
    """What one of the two networks is like."""

    #: The units of each layer, inputs and outputs included.
    sizes: list[int]
    #: The activation of its hidden layers, as Network.create takes it.
    activation: Any
    #: The loss that it is trained for, which decides the link of its outputs.
    loss: str


class PairLearner:
    """Two networks that learn together; what a step is, a subclass says.

    Parameters
    ----------
    passes : dict of str to LearningPass
        The networks in training, by their names.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    rows : ndarray of int64 of shape (n_rows,)
        The numbers of the samples to learn from.
    batch_size : int
    random_state : RandomState
        Its draws decide of the order of the rows, and of what else is random.
    n_epochs : int, default=0
        The number of epochs made before.
    """

    def __init__(
        self,
        passes: dict[str, LearningPass],
        X: Any,
        rows: NDArray,
        *,
        batch_size: int,
        random_state: np.random.RandomState,
        n_epochs: int = 0,
    ) -> None:
        self._passes, self._X, self._training_rows = passes, X, rows
        self._batch_size, self._random_state, self._n_epochs = batch_size, random_state, n_epochs

    def epoch(self) -> dict[str, float]:
        """Go through all rows once, and have schedules follow."""
        rng = np.random.default_rng(self._random_state.randint(1 << 32, dtype=np.uint64))
        values = self._learn_rows(rng.permutation(self._training_rows), rng)
        self._n_epochs += 1
        for each in self._passes.values():
            each.after_epoch(self._n_epochs * len(self._training_rows), values["loss"])
        return values

    @abstractmethod
    def _learn_rows(self, order: NDArray, rng: np.random.Generator) -> dict[str, float]:
        """Learn from all rows in an order; return what is recorded of it, "loss" among it."""

    def _batches(self, rows: NDArray) -> Iterator[NDArray]:
        """Return the minibatches of rows in their order."""
        return (rows[start : start + self._batch_size] for start in range(0, len(rows), self._batch_size))

    def _samples(self, numbers: NDArray, dtype: np.dtype) -> NDArray:
        """Return samples as a contiguous array that is not sparse."""
        return dense_rows(self._X[numbers], dtype)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step of the first network; set, it is that of both networks' next one."""
        return next(iter(self._passes.values())).learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for each in self._passes.values():
            each.learning_rate = value

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of the parameters to predict with, by the name of the network."""
        return {name: each.arrays()["params"] for name, each in self._passes.items()}

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to what :meth:`arrays` returned; the optimizers' state stays as it is now."""
        for name, each in self._passes.items():
            each.restore({"params": arrays[name]})

    def keep(self, estimator: PairEstimator) -> None:
        """Set the estimator's networks, and what another fit goes on from."""
        optimizers = {}
        for name, each in self._passes.items():
            network, optimizers[name] = each.snapshot()
            setattr(estimator, f"{name}_params_", network.params)
        estimator._optimizers, estimator._random_state = optimizers, copy.deepcopy(self._random_state)
        estimator._n_epochs = self._n_epochs


class PairEstimator(EpochEstimator):
    """The base of estimators that are made of two networks.

    A subclass names them in ``_PARTS``, outlines them in :meth:`_outline`, and makes what learns in :meth:`_learner`.
    Its parameters are those of the constraints here, and more; ``fit`` and ``partial_fit`` call :meth:`_fit`.
    """

    activation = Named(ACTIVATIONS)
    solver = Named(OPTIMIZERS)
    learning_rate = Named(SCHEDULES)

    #: The names of the two networks.
    _PARTS: ClassVar[tuple[str, str]]
    #: The parameters that give each network its sizes.
    _SIZED_BY: ClassVar[Mapping[str, tuple[str, ...]]]

    batch_size: int
    n_jobs: int | None
    random_state: Any
    learning_rate_init: float
    _n_epochs: int
    _optimizers: dict[str, Descent]
    _random_state: np.random.RandomState

    _parameter_constraints: ClassVar[dict] = {
        **EpochEstimator._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "solver": [str, Optimizer],
        "learning_rate": [str, callable],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
    }

    @abstractmethod
    def _outline(self, part: str, n_features: int) -> Outline:
        """Return what one of the networks is like for samples of so many features."""

    @abstractmethod
    def _learner(self, passes: dict[str, LearningPass], X: Any, rows: NDArray, held_out: NDArray, **how: Any) -> Any:
        """Return what learns from rows of X; ``how`` is what PairLearner takes beside them."""

    @abstractmethod
    def _check_samples(self, X: Any) -> None:
        """Refuse samples that the networks cannot learn."""

    def _begin(self, networks: dict[str, Network], X: Any) -> None:
        """Set what is set once, before the first epoch, and change initial parameters by the samples."""
        self._n_epochs = 0

    def _solver_of(self, part: str) -> Any:
        """Return the name or the object that stands for the optimizer of one of the networks."""
        return self.solver

    def _regularization(self, part: str) -> Regularization:
        """Return what is done to a network's weights beside steps of the optimizer."""
        return Regularization()

    def _rows_of_pass(self, part: str, batch_size: int) -> int:
        """Return the largest number of rows that go through a network together."""
        return batch_size

    # ---- fits --------------------------------------------------------------------------------------------------------

    def _fit(self, given: Any, *, is_incremental: bool = False) -> LearnedFit:
        """Learn from samples: anew, or an epoch more of what has been learned. It belongs into restored_on_error."""
        goes_on = is_incremental and hasattr(self, "_optimizers")
        X = self._validated_samples(given, reset=not goes_on)
        if scipy.sparse.issparse(X):
            X = X.tocsr()
        self._check_samples(X)
        n_samples, n_features = X.shape
        if goes_on:
            random_state = copy.deepcopy(self._random_state)
            networks = {part: self._network(part) for part in self._PARTS}
        else:
            random_state = np.random.RandomState(check_random_state(self.random_state).randint(1 << 31))
            networks = {part: self._new_network(part, n_features, X.dtype, random_state) for part in self._PARTS}
        rows, held_out = np.arange(n_samples), np.arange(0)
        if not is_incremental:
            rows, held_out = self._divided(n_samples, random_state)
        batch_size = min(self.batch_size, len(rows))
        if goes_on:
            optimizers = {part: descent.copied() for part, descent in self._optimizers.items()}
        else:
            self._begin(networks, X)
            optimizers = {part: self._descent(part, -(-len(rows) // batch_size)) for part in self._PARTS}
        passes = {
            part: LearningPass(
                network,
                optimizers[part],
                max_rows=self._rows_of_pass(part, batch_size),
                n_threads=team_size(self.n_jobs, 2.0 * network.params.size * batch_size),
                regularization=self._regularization(part),
            )
            for part, network in networks.items()
        }
        how: dict[str, Any] = {"batch_size": batch_size, "random_state": random_state, "n_epochs": self._n_epochs}
        learner = self._learner(passes, X, rows, held_out, **how)
        how = {"n_samples": len(rows), "batch_size": batch_size, "is_incremental": is_incremental}
        return self._learn(learner, given, X, holds_out=len(held_out) > 0, **how)

    @goes_on_with_fit
    def partial_fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn from samples for one epoch more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            It is not used.

        Returns
        -------
        self : object
        """
        self._validate_params()
        with restored_on_error(self):
            fit = self._fit(X, is_incremental=True)
        return self._told_of_errors(fit)

    def _new_network(self, part: str, n_features: int, dtype: np.dtype, random_state: np.random.RandomState) -> Network:
        sizes, activation, loss = self._outline(part, n_features)
        return Network.create(sizes, activation, loss, random_state=random_state, dtype=single_or_double(dtype))

    def _descent(self, part: str, steps_per_epoch: int) -> Descent:
        """Return the optimizer of one of the networks, at its first step."""
        names = ("learning_rate", "learning_rate_init", "beta_1")
        parameters = {name: getattr(self, name) for name in names if hasattr(self, name)}
        optimizer, schedule = optimizer_of({"power_t": 0.5, "solver": self._solver_of(part), **parameters})
        if isinstance(optimizer, LBFGS):
            raise ValueError("solver='lbfgs' needs all samples at once, and two networks learn by minibatches.")
        for plan in (schedule, optimizer.learning_rate):
            if isinstance(plan, Schedule) and plan.hooks == {"on_plateau"}:
                raise ValueError(
                    f"{plan!r} waits for a plateau, of which these fits know nothing; learning_rate='reduce_on_plateau'"
                    " follows the loss of each epoch."
                )
        return Descent(optimizer, schedule, length=(self.max_iter * steps_per_epoch, steps_per_epoch))

    # ---- networks ----------------------------------------------------------------------------------------------------

    def _network(self, part: str) -> Network:
        """Return one of the fitted networks, whose parameters are those of the attribute."""
        self._check_fitted()
        sizes, activation, loss = self._outline(part, self.n_features_in_)
        structure, params = Structure.of(sizes, activation), getattr(self, f"{part}_params_")
        if structure.n_params != params.size:
            names = " or ".join(f"{name}={getattr(self, name)!r}" for name in self._SIZED_BY[part])
            raise ValueError(
                f"{names} was set after a fit with other sizes: that {part} has {params.size} parameters, and one of"
                f" these sizes {structure.n_params}; fit again."
            )
        return Network(structure, params, objective=loss)

    def _check_fitted(self) -> None:
        """Refuse to go on before a fit, and where a parameter has been set to what it cannot be since."""
        check_is_fitted(self, f"{self._PARTS[0]}_params_")
        self._validate_params()

    def _outputs(self, part: str, X: Any, *, linked: bool = True) -> NDArray:
        """Return what one of the fitted networks makes of checked samples or codes."""
        rows, team = rows_of(X, self._fitted_dtype), prediction_team(self.n_jobs)
        return forward_in_pieces(self._network(part).packed(), rows, None, team, linked=linked)

    @property
    def _fitted_dtype(self) -> np.dtype:
        """The type that the fitted networks compute in."""
        return getattr(self, f"{self._PARTS[0]}_params_").dtype

    def _checked_samples(self, X: Any) -> Any:
        """Return samples for the fitted networks: an array or a CSR matrix."""
        self._check_fitted()
        X = self._validated_samples(X, reset=False)
        return X.tocsr() if scipy.sparse.issparse(X) else X

    def _checked_codes(self, codes: ArrayLike, n_components: int, method: str) -> NDArray:
        """Return codes of the width that a fitted network reads, in its type."""
        self._check_fitted()
        array = check_array(codes, dtype=self._fitted_dtype, input_name="codes", order="C")
        if array.shape[1] != n_components:
            raise ValueError(
                f"{method} needs codes of {n_components} components, as n_components says; got {array.shape[1]}."
            )
        return array

    def _random(self, random_state: Any) -> np.random.RandomState:
        """Return a generator of what a method is given, where None stands for the estimator's random_state."""
        return check_random_state(self.random_state if random_state is None else random_state)

    def _normal_codes(self, n_samples: int, n_components: int, random_state: Any) -> NDArray:
        """Return codes drawn from the standard normal distribution, in the networks' type."""
        self._check_fitted()
        n_samples = whole_number(n_samples, "n_samples")
        codes = self._random(random_state).standard_normal((n_samples, n_components))
        return codes.astype(self._fitted_dtype)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---- files -------------------------------------------------------------------------------------------------------

    def check_state(self) -> None:
        """Refuse attributes that no fit leaves; one from a file may have any.

        Raises
        ------
        ValueError
            It names the attribute.
        """
        require_jobs(self.n_jobs)
        attributes = vars(self)
        if not any(f"{part}_params_" in attributes for part in self._PARTS):
            return
        n_features = attributes.get("n_features_in_")
        require(is_count(n_features) and n_features, "n_features_in_ is no number of features", n_features)
        vectors: dict[str, Any] = {part: attributes.get(f"{part}_params_") for part in self._PARTS}
        for part, vector in vectors.items():
            is_vector = type(vector) is np.ndarray and vector.ndim == 1 and vector.dtype in (np.float32, np.float64)
            require(is_vector, f"{part}_params_ is no vector of float32 or float64")
            n_params = Structure.of(*self._outline(part, int(n_features or 0))[:2]).n_params
            require(vector.size == n_params, f"{part}_params_ must have {n_params} numbers")
        first, second = vectors.values()
        require(first.dtype == second.dtype, "the networks' parameters are not of one type")
        require(type(attributes.get("_random_state")) is np.random.RandomState, "_random_state is none")
        require(is_count(attributes.get("_n_epochs")), "_n_epochs is no count", attributes.get("_n_epochs"))
        optimizers = attributes.get("_optimizers")
        require(type(optimizers) is dict and optimizers.keys() == vectors.keys(), "_optimizers are not one for each")
        for part, descent in (optimizers or {}).items():
            require(type(descent) is Descent, f"_optimizers has none for {part}")
            check_kept_vectors(descent, vectors[part].size, f"what _optimizers keep does not fit {part}_params_")


def layers_between(first: int, hidden_layer_sizes: Any, last: int) -> list[int]:
    """Return the units of each layer of a network, given those of its hidden layers as a user gives them."""
    return [first, *hidden_sizes(hidden_layer_sizes), last]


def refuse_outside_unit_interval(X: Any, why: str, instead: str) -> None:
    """Refuse samples with values below 0 or above 1.

    Raises
    ------
    ValueError
        It says why, what was given, and what to do instead.
    """
    low, high = X.min(), X.max()
    if low < 0 or high > 1:
        raise ValueError(f"{why} needs values from 0 to 1; X has values from {low:g} to {high:g}. {instead}")
