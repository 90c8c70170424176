"""An estimator that trains a network epoch by epoch, whatever it learns: from a problem to a kept network.

Nothing here knows of targets beyond those that a Problem has, which may be the samples themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmlp.estimators.epochs import LearnsByEpochs
from fastmlp.estimators.network_estimator import NetworkEstimator
from fastmlp.estimators.parameters import NetworkParameters
from fastmlp.fitting.full_batch import FullBatchFit
from fastmlp.fitting.minibatch import MinibatchFit
from fastmlp.fitting.problem import Problem, TrainingData, TrainingPlan
from fastmlp.fitting.progress import Progress
from fastmlp.fitting.recorded import RecordedFit
from fastmlp.fitting.start import begin
from fastmlp.inputs.scaling import feature_scaling
from fastmlp.network import Network
from fastmlp.optimizers import LBFGS, Descent


class TrainedNetwork(NetworkParameters, LearnsByEpochs, NetworkEstimator):
    """The base of estimators that train a network, with or without targets.

    A subclass makes a :class:`fastmlp.fitting.problem.Problem` of what its ``fit`` is given, and a network; then

    ``self._train(self._beginning(problem, network))``

    trains it by the solver, batch_size, callbacks and so on that its parameters name, and keeps it. Meanwhile history_,
    n_iter_ and the like follow the epochs. The autoencoder in ``tests/test_trained.py`` is an example.
    """

    loss_: float
    history_: dict[str, list[float]]
    n_iter_: int
    t_: int
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    _optimizer: Descent
    _random_state: np.random.RandomState

    _appended_to = ("history_", "loss_curve_", "validation_scores_")

    def _new_network(self, plan: TrainingPlan, data: TrainingData, n_outputs: int, dtype: np.dtype) -> Network:
        """Return a network with initial weights, which ``_random_state`` decides, and the scaling of its inputs."""
        network = Network.create(
            [data.rows.n_features, *plan.hidden_sizes, n_outputs],
            self.activation,
            data.objective,
            normalization=self.normalization,
            kind="residual" if self.residual else "dense",
            weight_init=self.weight_init,
            bias_init=self.bias_init,
            random_state=self._random_state,
            dtype=dtype,
            columns=data.rows.layout,
            embedding_size=self.embedding_size,
        )
        if self.standardize:
            network.input_means, network.input_scales = feature_scaling(data.X, data.weights)
        return network

    def _beginning(self, problem: Problem, network: Network, before: Any = None) -> RecordedFit:
        """Return a fit that begins, by minibatches or over all samples at once, as the solver has it.

        Parameters
        ----------
        problem : Problem
        network : Network
            The network to train.
        before : estimator, default=None
            The estimator whose history, losses and best value the fit goes on from, in a warm start; None for none.
        """
        callbacks = [*self._callbacks(), *self._bar()]
        if problem.plan.is_stochastic:
            start = begin(problem, network, before, self._random_state)
            return MinibatchFit(self, problem, start, callbacks, prints=self._prints, max_epochs=self.max_iter)
        return FullBatchFit(self, problem, network, Progress.left_by(before), callbacks, prints=self._prints)

    def _train(self, fit: RecordedFit) -> None:
        """Train, and keep what comes of it: the network, and the optimizer if another fit can go on with it."""
        try:
            fit.begin(fit.first_hook)
            network = fit.run()
            if not np.isfinite(network.params).all():
                raise fit.error or ValueError(f"Solver produced non-finite parameter weights. {fit.causes()}")
            self._keep(network)
            self.__dict__.pop("_checkpoint", None)
            if fit.descent is None:
                self.__dict__.pop("_optimizer", None)  # One of an earlier fit may be of another network.
            else:
                self._optimizer = fit.descent
        except BaseException as error:
            fit.error = error
            raise
        finally:
            fit.end()

    @property
    def _max_epochs(self) -> int:
        """The largest number of epochs; of L-BFGS, that of its iterations."""
        return self.solver.max_iter if isinstance(self.solver, LBFGS) else self.max_iter
