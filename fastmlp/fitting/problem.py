"""What a fit is to solve: how to train, as the estimator's parameters decide, and the samples to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastmlp.augmentation import Augment, as_augment
from fastmlp.fitting.batching import resolve_batch_size
from fastmlp.fitting.evaluation import Evaluation
from fastmlp.fitting.recipe import hidden_sizes, optimizer_of, refuse_for_lbfgs, regularization_of
from fastmlp.inputs.rows import Rows
from fastmlp.losses import Loss
from fastmlp.network import HiddenLayer, Objective, Regularization, hidden_layers
from fastmlp.optimizers import LBFGS, Optimizer, Rprop
from fastmlp.schedules import Schedule


@dataclass
class TrainingPlan:
    """How a network is to be trained, as far as the estimator's parameters decide of it."""

    #: The estimator's parameters by name.
    parameters: Mapping[str, Any]
    #: The number of units of each hidden layer, but for a layer of embeddings.
    hidden_sizes: list[int]
    #: What each hidden layer does with its products, a layer of embeddings included.
    hidden: tuple[HiddenLayer, ...]
    loss: Loss
    optimizer: Optimizer | LBFGS
    #: What changes the learning rate beside the optimizer; None for nothing.
    schedule: Schedule | None
    #: What is done to gradients and weights beside the L2 penalty; None for nothing.
    regularization: Regularization | None
    #: What changes each minibatch before it is learned from; None for nothing.
    augment: Augment | None

    @classmethod
    def of(cls, parameters: Mapping[str, Any], loss: Loss) -> TrainingPlan:
        """Return the plan that parameters come to, which are checked against each other.

        Parameters
        ----------
        parameters : mapping of str to Any
            Those of :class:`fastmlp.estimators.parameters.NetworkParameters`, by name; their types have been checked.
        loss : Loss

        Examples
        --------
        >>> from fastmlp import MLPRegressor
        >>> from fastmlp.fitting.problem import TrainingPlan
        >>> from fastmlp.losses import SquaredError
        >>> plan = TrainingPlan.of(MLPRegressor(hidden_layer_sizes=(20,)).get_params(), SquaredError())
        >>> plan.hidden_sizes, type(plan.optimizer).__name__, plan.is_stochastic
        ([20], 'Adam', True)
        """
        sizes = hidden_sizes(parameters["hidden_layer_sizes"])
        optimizer, schedule = optimizer_of(parameters)
        plan = cls(
            parameters,
            sizes,
            hidden_layers(
                parameters["activation"],
                parameters["normalization"],
                len(sizes),
                "residual" if parameters["residual"] else "dense",
                embeds=parameters["embedding_size"] is not None,
            ),
            loss,
            optimizer,
            schedule,
            regularization_of(parameters, len(sizes)),
            None if parameters["augment"] is None else as_augment(parameters["augment"]),
        )
        if not plan.is_stochastic:
            refuse_for_lbfgs(parameters)
        return plan

    @property
    def is_stochastic(self) -> bool:
        """Whether training goes through minibatches rather than over all samples at once."""
        return isinstance(self.optimizer, Optimizer)

    @property
    def draws(self) -> bool:
        """Whether steps need random numbers, for dropout, noise or augmentation."""
        return self.augment is not None or (self.regularization is not None and self.regularization.draws)

    def batch_size(self, n_samples: int) -> int:
        """Return the number of samples in a minibatch; all of them for Rprop, unless it is told otherwise.

        Raises
        ------
        ValueError
            For batch normalization of a single sample.
        """
        given = self.parameters["batch_size"]
        is_rprop = isinstance(self.optimizer, Rprop)
        size = n_samples if given == "auto" and is_rprop else resolve_batch_size(given, n_samples)
        if self.parameters["normalization"] == "batch" and size == 1:
            raise ValueError(
                f"normalization='batch' needs 2 samples or more in a batch; got 1 sample, batch_size={given!r}."
            )
        return size


@dataclass
class TrainingData:
    """The samples to learn from: as the user gave them, as they have been validated, and as the engine reads them."""

    #: X and y as the user gave them.
    given: tuple[Any, Any]
    #: Validated samples, shape (n_samples, n_features).
    X: Any
    #: Validated targets, shape (n_samples,) or (n_samples, n_outputs).
    y: Any
    #: X as the engine reads it.
    rows: Rows
    #: y as the engine reads it: class numbers, or a matrix of shape (n_samples, n_outputs). None where the targets are
    #: the rows themselves.
    targets: NDArray | None
    #: The user's weights of the samples, which validation scores take too; None where all count the same.
    sample_weight: NDArray | None
    #: The weights used in training, those of the classes included; None where all samples count the same.
    weights: NDArray | None
    #: What the network is trained for, which decides how targets are encoded.
    objective: Objective
    #: The classes, if the targets are such.
    classes: NDArray | None = None
    #: The type that the network computes in, and targets have that are numbers.
    dtype: DTypeLike = np.float64

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return self.rows.n_rows


@dataclass
class Problem:
    """What a fit is to solve: how to train, from which samples, and what is measured meanwhile.

    Every fit builds one, whether it begins, goes on or is resumed.
    """

    plan: TrainingPlan
    data: TrainingData
    #: What is measured after each epoch; its sets are those of eval_set until a fit holds out samples of its own.
    evaluation: Evaluation

    def all_samples(self) -> NDArray:
        """Return the indices of all samples."""
        return np.arange(self.data.n_samples)
