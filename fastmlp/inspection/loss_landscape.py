"""The display LossLandscapeDisplay draws the loss around the parameters that were learned."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastmlp.inspection.drawing import axes_or_new, check_is_ours, is_logarithmic, pyplot
from fastmlp.network import Network, forward_in_pieces
from fastmlp.threads import prediction_team

_KINDS = ("contour", "surface", "line")


class LossLandscapeDisplay:
    """The loss along two directions, or one, that begin at the learned parameters.

    The directions are random, but a unit's incoming weights are moved as far as they are long: then the picture does
    not depend on how large the weights are that ReLU and normalization leave free. Biases, gains and learned numbers of
    activations stay. Source: Li et al., "Visualizing the loss landscape of neural nets", NeurIPS 2018,
    https://arxiv.org/abs/1712.09913. To be made by :meth:`from_estimator`.

    Parameters
    ----------
    alphas : ndarray of shape (n_points,)
        Steps along the first direction.
    betas : ndarray of shape (n_points,) or None
        Along the second one; None for one direction.
    losses : ndarray of shape (n_points, n_points) or (n_points,)
        At ``alphas[i]``, ``betas[j]``.

    Attributes
    ----------
    contour_ : matplotlib QuadContourSet
        The contours, if kind is "contour".
    surface_ : matplotlib Poly3DCollection
        The surface, if kind is "surface".
    line_ : matplotlib Line2D
        The line, if kind is "line".
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.inspection import LossLandscapeDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((20,), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
    >>> display = LossLandscapeDisplay.from_estimator(clf, X, y, n_points=11)
    >>> display.losses.shape, bool(display.losses[5, 5] < display.losses[0, 0])
    ((11, 11), True)
    >>> plt.close(display.figure_)
    """

    contour_: Any
    surface_: Any
    line_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, alphas: NDArray, betas: NDArray | None, losses: NDArray) -> None:
        self.alphas = alphas
        self.betas = betas
        self.losses = losses

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        n_points: int = 25,
        span: float = 1.0,
        random_state: int | np.random.RandomState | None = 0,
        kind: str = "contour",
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the loss around a fitted estimator's parameters, which stay as they are.

        It takes n_points passes over the samples, of two directions n_points squared.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        n_points : int >= 2, default=25
            Along each direction; with an odd number the parameters themselves are in the middle.
        span : float > 0, default=1.0
            How far the directions reach to either side; 1 moves the weights of a unit as far as they are long.
        random_state : int, RandomState or None, default=0
            The seed of the random directions.
        kind : {"contour", "surface", "line"}, default="contour"
            "line" has one direction.
        ax, **kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : LossLandscapeDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When estimator is none of this package's, or ax no Axes.
        ValueError
            When a parameter is out of range, and when X or y does not fit the estimator.
        """
        check_is_ours(estimator)
        check_is_fitted(estimator)
        _check_kind(kind)
        if not isinstance(n_points, Integral) or n_points < 2:
            raise ValueError(f"n_points must be an integer of at least 2, got {n_points!r}.")
        if not isinstance(span, Real) or not 0 < float(span) < np.inf:
            raise ValueError(f"span must be a finite number above 0, got {span!r}.")
        network, data = estimator._network_and_data(X, y, sample_weight)
        rng = check_random_state(random_state)
        directions = np.array([filter_normalised_direction(network, rng) for _ in range(1 if kind == "line" else 2)])
        # Steps are counted in halves from the middle, which thus is 0 without rounding.
        steps = span * (2 * np.arange(n_points) - (n_points - 1)) / (n_points - 1)
        packed = network.folded().packed()
        team = prediction_team(estimator.n_jobs)
        start, losses = network.params.copy(), []
        with np.errstate(over="ignore"):
            for at in np.ndindex((n_points,) * len(directions)):
                network.params[:] = start + steps[list(at)] @ directions
                packed.load(network.folded().params)
                z = forward_in_pieces(packed, data.rows, None, team, linked=False)
                losses.append(network.objective.mean_loss(z, data.targets, data.weights))
        display = cls(
            alphas=steps,
            betas=None if kind == "line" else steps,
            losses=np.array(losses).reshape((n_points,) * len(directions)),
        )
        return display.plot(ax, kind=kind, **kwargs)

    def plot(self, ax: Any = None, *, kind: str | None = None, log_scale: bool | str = "auto", **kwargs: Any) -> Self:
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None makes a new figure. With kind="surface" axes must have projection="3d".
        kind : {"contour", "surface", "line"}, default=None
            The kind of picture. None means "contour", or with one direction "line".
        log_scale : bool or "auto", default="auto"
            Whether steps of the loss are equal by their ratio; "auto" has it so where the loss is positive and spans
            three decades or more.
        **kwargs
            Properties that matplotlib's ``contourf``, ``plot_surface`` or ``plot`` takes.

        Returns
        -------
        self : LossLandscapeDisplay

        Raises
        ------
        TypeError
            When ax is no Axes.
        ValueError
            When kind does not fit the number of directions, or ax has not the projection.
        """
        kind = ("line" if self.betas is None else "contour") if kind is None else kind
        _check_kind(kind)
        if (kind == "line") != (self.betas is None):
            raise ValueError(
                f"kind={kind!r} does not fit losses along {'one' if self.betas is None else 'two'} directions."
            )
        logarithmic = is_logarithmic(log_scale, self.losses)
        self.ax_ = axes_or_new(ax, "3d" if kind == "surface" else None)
        self.figure_ = self.ax_.figure
        self.ax_.set_xlabel("First direction")
        if self.betas is None:
            (self.line_,) = self.ax_.plot(self.alphas, self.losses, **{"label": "loss", **kwargs})
            self.ax_.set_ylabel("Loss")
            if logarithmic:
                self.ax_.set_yscale("log", nonpositive="mask")
            return self
        # The first index is the first direction, which runs along x.
        x, y = np.meshgrid(self.alphas, self.betas, indexing="ij")
        losses = np.ma.masked_invalid(self.losses)
        if logarithmic:
            losses = np.ma.masked_less_equal(losses, 0)
        self.ax_.set_ylabel("Second direction")
        if kind == "surface":
            heights = np.ma.log10(losses) if logarithmic else losses  # matplotlib has no logarithmic third axis
            self.surface_ = self.ax_.plot_surface(x, y, heights, **{"cmap": "viridis", **kwargs})
            self.ax_.set_zlabel("log10(loss)" if logarithmic else "Loss")
            return self
        scale: dict[str, Any] = {"levels": 20}
        ticks = None
        if logarithmic and losses.count() and losses.min() < losses.max():
            scale = {"levels": np.geomspace(losses.min(), losses.max(), 21), "norm": "log"}
            ticks = pyplot().matplotlib.ticker.LogLocator()
        self.contour_ = self.ax_.contourf(x, y, losses, **{**scale, **kwargs})
        self.ax_.plot(0, 0, "k+")
        self.figure_.colorbar(self.contour_, ax=self.ax_, label="Loss", ticks=ticks)
        return self


def _check_kind(kind: Any) -> None:
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {_KINDS}, got {kind!r}.")


def filter_normalised_direction(network: Network, rng: np.random.RandomState) -> NDArray:
    """Return a random direction in the space of parameters, in which each unit's part is as long as its weights.

    Parts that are no weights are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inspection.loss_landscape import filter_normalised_direction
    >>> from fastmlp.network import Network
    >>> net = Network.create([3, 5, 2], random_state=0)
    >>> direction = net.named_parameters(filter_normalised_direction(net, np.random.RandomState(0)))
    >>> norms = [np.linalg.norm(weights, axis=0) for weights in (direction["coefs.0"], net.coefs[0])]
    >>> np.allclose(*norms), direction["intercepts.0"]
    (True, array([0., 0., 0., 0., 0.]))
    """
    direction = np.zeros_like(network.params)
    moved = Network(network.structure, direction)
    for layer, weights, part in zip(network.structure.layers, network.coefs, moved.coefs, strict=True):
        drawn = rng.standard_normal(part.shape)
        part[:] = drawn * layer.by_weight(layer.weight_norms(weights) / layer.weight_norms(drawn))
    for projections, of_moved in zip(network.projections, moved.projections, strict=True):
        if projections is not None and of_moved is not None:
            drawn = rng.standard_normal(of_moved.shape)
            of_moved[:] = drawn * (np.linalg.norm(projections, axis=0) / np.linalg.norm(drawn, axis=0))
    return direction
