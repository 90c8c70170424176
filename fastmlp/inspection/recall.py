"""The display RecallDisplay draws the energy of states while a Hopfield network recalls patterns from them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from fastmlp.inspection.drawing import axes_or_new

#: Lines of more states than these are thin and pale, and their median is drawn over them.
MOST_LINES = 10


class RecallDisplay:
    """The display draws a line for each state: its energy over the sweeps in which units are updated.

    Each update that changes a unit lowers the energy, so a line falls until the state has come to rest. States that end
    on different levels were recalled as different patterns, or as mixtures that nobody stored.

    :meth:`from_estimator` makes such a display.

    Parameters
    ----------
    sweeps : ndarray of shape (n_times,)
        How many sweeps, or steps of a modern network, had been made.
    energies : ndarray of shape (n_samples, n_times)

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        One for each state.
    median_ : matplotlib Line2D or None
        The median of all states, where they are more than 10.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from fastmlp.inspection import RecallDisplay
    >>> from fastmlp.zoo import HopfieldNetwork
    >>> patterns = np.random.default_rng(0).choice([-1.0, 1.0], (5, 100))
    >>> network = HopfieldNetwork(random_state=0).fit(patterns)
    >>> states = np.random.default_rng(1).choice([-1.0, 1.0], (8, 100))
    >>> display = RecallDisplay.from_estimator(network, states)
    >>> len(display.lines_), bool((display.energies[:, -1] < display.energies[:, 0]).all())
    (8, True)
    >>> plt.close(display.figure_)
    """

    lines_: list[Any]
    median_: Any
    ax_: Any
    figure_: Any

    def __init__(self, *, sweeps: NDArray, energies: NDArray) -> None:
        self.sweeps, self.energies = sweeps, energies

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, *, n_points: int = 20, ax: Any = None, **line_kwargs: Any
    ) -> Self:
        """Draw what becomes of states in a fitted network.

        Parameters
        ----------
        estimator : HopfieldNetwork
        X : array-like of shape (n_samples, n_features)
            States, such as noisy patterns.
        n_points : int >= 1, default=20
            At how many points of each sweep energies are taken, about.
        ax, **line_kwargs
            Parameters of :meth:`plot`.

        Returns
        -------
        display : RecallDisplay

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        TypeError
            When the estimator recalls nothing, or ax is no Axes.
        ValueError
            When the states are none of the network's.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "recall_energies"):
            raise TypeError(f"estimator must be fastmlp's HopfieldNetwork, got {estimator!r}.")
        sweeps, energies = estimator.recall_energies(X, n_points)
        return cls(sweeps=sweeps, energies=energies).plot(ax, **line_kwargs)

    def plot(self, ax: Any = None, **line_kwargs: Any) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; None makes a new figure.
        **line_kwargs
            Properties of the lines of states, as matplotlib's ``plot`` takes them.

        Returns
        -------
        self : RecallDisplay
        """
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        are_many = len(self.energies) > MOST_LINES
        look = {"color": "C0", "alpha": 0.3, "linewidth": 0.8} if are_many else {}
        self.lines_ = self.ax_.plot(self.sweeps, self.energies.T, **{**look, **line_kwargs})
        self.median_ = None
        if are_many:
            median = np.median(self.energies, axis=0)
            (self.median_,) = self.ax_.plot(self.sweeps, median, color="C1", label="median")
            self.ax_.legend(loc="upper right")
        self.ax_.set(xlabel="Sweeps", ylabel="Energy")
        return self
