"""LiquidReservoir: spiking units that are not trained, whose traces are features of the inputs so far."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp import engine
from fastmlp.estimators.base import Estimator, begins_fit, restored_on_error
from fastmlp.exceptions import SilentReservoirWarning, counted, warn_user
from fastmlp.registration import stored_as
from fastmlp.soundness import is_count, is_number, require, require_jobs
from fastmlp.threads import team_size
from fastmlp.zoo.reservoir_checks import (
    LARGEST,
    MOST_UNITS,
    checked_count,
    checked_units,
    require_arrays,
    require_connections,
)
from fastmlp.zoo.sequences import Sequences, refuse_no_table, sequences_of, with_a_row_for_each_sequence

# By the kinds of two units, excitatory or inhibitory: the probability that the first is heard by the second where they
# stand side by side, and how strong that is. Both are those of Maass, Natschlaeger and Markram (2002), the strengths
# divided by that of two excitatory units.
_PROBABILITIES = {(True, True): 0.3, (True, False): 0.2, (False, True): 0.4, (False, False): 0.1}
_STRENGTHS = {(True, True): 1.0, (True, False): 2.0, (False, True): -19 / 30, (False, False): -19 / 30}
# The potentials after a spike, and what they are drawn to without inputs, in thresholds; from the same source.
_RESET = _BACKGROUND = 13.5 / 15
# The times that a unit rests after a spike, excitatory or inhibitory, and that synaptic currents last, in ms.
_REST_EXCITATORY, _REST_INHIBITORY = 3.0, 2.0
_EXCITATION, _INHIBITION = 3.0, 6.0
# The shortest and the longest times that parameters can be, in ms: steps of less than a nanosecond are too many to rest
# for, and what decays within more than eleven days does not decay.
_SHORTEST, _LONGEST = 1e-6, 1e9
# What gives a table where the steps of several sequences do not.
_OTHER_OUTPUTS = " output='last' and output='mean' have a row for each sequence."


@stored_as("LiquidReservoir")
class LiquidReservoir(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """The liquid of a liquid state machine: spiking units whose traces are features for any classifier or regressor.

    Leaky integrate-and-fire units stand on a small grid; near ones are connected more often than others, and some are
    inhibitory. A unit's potential V leaks, and is raised by currents; at the threshold, 1, the unit spikes, is set
    back, and rests for a while. With k = exp(-step / membrane_time)::

        V(t) = k V(t-1) + (1 - k) (0.9 + I_excitatory(t) + I_inhibitory(t) + I_input(t))

    A spike reaches the units that hear it one step later, as a current that decays within 3 ms (6 ms from an inhibitory
    unit). What a readout sees of a unit is its trace, which decays within ``trace_time``, and to which each spike adds
    1. Nothing is trained here: fit draws the connections.

    Parameters
    ----------
    grid : tuple of int, default=(3, 3, 15)
        Units along each side of the grid.
    inhibitory : float, default=0.2
        The share of the units that are inhibitory.
    connection_range : float, default=2.0
        How far connections reach: units at the distance d on the grid are connected with a probability in proportion
        to exp(-(d / connection_range)²).
    recurrent_scaling : float, default=0.02
        How far a spike raises the potential of an excitatory unit by another one, on average, in thresholds. The
        strengths of all connections are in proportion to it. 0 is no recurrence; from about 0.05 on, activity keeps
        itself up, and what came in drowns in it.
    inputs : {"current", "spikes"}, default="current"
        What X has. Values of a current are added to the currents of the units that hear them, while they are there.
        Those of spikes (0 and 1, or how many) are passed on by synapses, as spikes of units are.
    input_scaling : float, default=0.2
        Weights of currents are uniform between minus and plus this: a unit whose weight times X stays above 0.1 spikes.
        A spike in X raises potentials by up to this, in thresholds.
    input_density : float, default=0.3
        The share of the units that hear each feature.
    output : {"steps", "last", "mean"}, default="steps"
        Whether transform returns the traces of each step, those of each sequence's last step, or their means over each
        sequence: one row for each sequence, for classes of sequences.
    step : float, default=1.0
        The time from one row of X to the next, in ms; this and the next two are from 1e-6 to 1e9.
    membrane_time : float, default=30.0
        In how many ms potentials decay by a factor of e.
    trace_time : float, default=30.0
        The same for traces: about how far back a readout sees by itself.
    random_state : int, RandomState instance or None, default=None
    n_jobs : int, default=None
        Threads, among which sequences are shared out. The results are the same for any number.

    Attributes
    ----------
    positions_ : ndarray of shape (n_units, 3)
        The places of the units on the grid. The excitatory units come first.
    n_excitatory_ : int
    recurrent_weights_ : csr_array of shape (n_units, n_units)
        Row i has the weights from unit i to others, as currents.
    input_weights_ : ndarray of shape (n_features, n_units)
    initial_potentials_ : ndarray of shape (n_units,)
        With which each sequence begins.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    Notes
    -----
    Synapses are static: the depression and facilitation of the original's synapses are left out.

    Forms of X are those of :class:`EchoStateRegressor`. Lists and arrays of three axes are split by sequences, so that
    a pipeline with ``output="last"`` and a classifier can be cross-validated.

    ``set_output`` makes tables: with a row for each sequence, or for each step of a matrix X. The steps of a list or an
    array of three axes are no table, and refused.

    References
    ----------
    W. Maass, T. Natschlaeger, H. Markram (2002). Real-time computing without stable states: a new framework for neural
    computation based on perturbations. Neural Computation 14.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from fastmlp.zoo import LiquidReservoir
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> templates = rng.random((2, 100, 4)) < 0.04  # 100 ms of spikes of four fibres
    >>> trains = templates[labels] ^ (rng.random((60, 100, 4)) < 0.01)
    >>> liquid = LiquidReservoir(inputs="spikes", output="last", random_state=0)
    >>> model = make_pipeline(liquid, RidgeClassifier(1.0)).fit(trains[:40].astype(float), labels[:40])
    >>> model.score(trains[40:].astype(float), labels[40:])
    1.0
    """

    _parameter_constraints = {
        "grid": [tuple, list],
        "inhibitory": [Interval(Real, 0, 1, closed="both")],
        "connection_range": [Interval(Real, 0, LARGEST, closed="right")],
        "recurrent_scaling": [Interval(Real, 0, LARGEST, closed="both")],
        "inputs": [StrOptions({"current", "spikes"})],
        "input_scaling": [Interval(Real, 0, LARGEST, closed="both")],
        "input_density": [Interval(Real, 0, 1, closed="right")],
        "output": [StrOptions({"steps", "last", "mean"})],
        "step": [Interval(Real, _SHORTEST, _LONGEST, closed="both")],
        "membrane_time": [Interval(Real, _SHORTEST, _LONGEST, closed="both")],
        "trace_time": [Interval(Real, _SHORTEST, _LONGEST, closed="both")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        grid: tuple[int, int, int] = (3, 3, 15),
        *,
        inhibitory: float = 0.2,
        connection_range: float = 2.0,
        recurrent_scaling: float = 0.02,
        inputs: str = "current",
        input_scaling: float = 0.2,
        input_density: float = 0.3,
        output: str = "steps",
        step: float = 1.0,
        membrane_time: float = 30.0,
        trace_time: float = 30.0,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    @begins_fit
    def fit(self, X: Any, y: Any = None, lengths: Any = None) -> LiquidReservoir:
        """Draw the units' kinds and connections.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features) or (n_sequences, n_steps, n_features), or list of matrices
            Only its width counts.
        y : Any, default=None
            It is not looked at.
        lengths : array-like of int of shape (n_sequences,), default=None
            How many rows of a matrix X each sequence has.

        Returns
        -------
        self : LiquidReservoir
        """
        with restored_on_error(self):
            sequences = self._given(X, lengths, reset=True)
            self._draw(sequences.rows.shape[1])
        return self

    def _given(self, X: Any, lengths: Any, *, reset: bool) -> Sequences:
        sequences, _ = sequences_of(self, X, None, lengths, reset=reset)
        if self.inputs == "spikes" and (least := sequences.rows.min()) < 0:
            raise ValueError(f"X must have numbers of spikes where inputs='spikes', at least 0, got {least}.")
        return sequences

    def _draw(self, n_features: int) -> None:
        """Draw a liquid for so many features."""
        random = check_random_state(self.random_state)
        sides = [int(side) for side in self.grid if isinstance(side, int | np.integer) and side >= 1]
        if len(sides) != 3 or len(self.grid) != 3:
            raise ValueError(f"grid must be three positive integers, the units along each side, got {self.grid!r}.")
        if math.prod(sides) > MOST_UNITS:
            raise ValueError(f"grid={self.grid!r} has {math.prod(sides):,} units; at most {MOST_UNITS:,} are possible.")
        places = np.stack(np.meshgrid(*map(np.arange, sides), indexing="ij"), axis=-1).reshape(-1, 3)
        n_units = len(places)
        self.positions_ = random.permutation(places).astype(np.float64)
        self.n_excitatory_ = n_units - round(self.inhibitory * n_units)
        is_excitatory = np.arange(n_units) < self.n_excitatory_
        rise = {True: self._rise(_EXCITATION), False: self._rise(_INHIBITION)}
        rows = []
        for unit, place in enumerate(self.positions_):
            kind = bool(is_excitatory[unit])
            with np.errstate(over="ignore"):  # what is infinitely far off is not connected
                near = np.exp(-(((self.positions_ - place) / self.connection_range) ** 2).sum(axis=1))
            chances = near * np.where(is_excitatory, _PROBABILITIES[kind, True], _PROBABILITIES[kind, False])
            strengths = np.where(is_excitatory, _STRENGTHS[kind, True], _STRENGTHS[kind, False])
            heard = random.random_sample(n_units) < chances
            heard[unit] = False
            weights = strengths * random.standard_exponential(n_units) * (self.recurrent_scaling / rise[kind])
            rows.append(np.where(heard, weights, 0.0))
        self.recurrent_weights_ = scipy.sparse.csr_array(np.array(rows))
        hears = random.random_sample((n_features, n_units)) < self.input_density
        if self.inputs == "spikes":
            weights = random.uniform(0, self.input_scaling, hears.shape) / rise[True]
        else:
            weights = random.uniform(-self.input_scaling, self.input_scaling, hears.shape)
        self.input_weights_ = np.where(hears, weights, 0.0)
        self.initial_potentials_ = random.uniform(_RESET, 1, n_units)

    def _rise(self, duration: float) -> float:
        """Return how far a current that begins with 1, and decays within a duration, raises a potential in the end.

        What leaks meanwhile is not taken off.
        """
        return -np.expm1(-self.step / self.membrane_time) / -np.expm1(-self.step / duration)

    def _settings(self) -> dict[str, float]:
        """Return the numbers by which the engine makes steps."""
        step = self.step
        return {
            "kept_potential": np.exp(-step / self.membrane_time),
            "kept_excitation": np.exp(-step / _EXCITATION),
            "kept_inhibition": np.exp(-step / _INHIBITION),
            "kept_input": np.exp(-step / _EXCITATION) if self.inputs == "spikes" else 0.0,
            "kept_trace": np.exp(-step / self.trace_time),
            "threshold": 1.0,
            "reset": _RESET,
            "background": _BACKGROUND,
            "rest_excitatory": round(_REST_EXCITATORY / step),
            "rest_inhibitory": round(_REST_INHIBITORY / step),
        }

    def transform(self, X: Any, lengths: Any = None) -> Any:
        """Return the traces of the units' spikes.

        Each sequence begins with the same potentials, and without currents and traces.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features) or (n_sequences, n_steps, n_features), or list of matrices
        lengths : array-like of int of shape (n_sequences,), default=None
            How many rows of a matrix X each sequence has.

        Returns
        -------
        traces : ndarray of shape (n_steps, n_units), or in the form of X; (n_sequences, n_units) unless output="steps"

        Warns
        -----
        SilentReservoirWarning
            When no unit spiked.
        """
        if self.output == "steps":
            refuse_no_table(self, X, _OTHER_OUTPUTS)
        sequences = self._given(X, lengths, reset=False)
        n_units, n_sequences = len(self.initial_potentials_), len(sequences)
        n_threads = min(team_size(self.n_jobs, 20.0 * n_units * len(sequences.rows)), n_sequences)
        every = self.output == "steps"
        found = np.zeros((len(sequences.rows) if every else n_sequences, n_units), dtype=sequences.rows.dtype)
        state, resting = self._beginning(n_sequences)
        W, n_spikes = self.recurrent_weights_, 0
        for piece in sequences.pieces():
            inputs = np.ascontiguousarray(sequences.rows[piece.rows], dtype=np.float64)
            drive = engine.matmul(inputs, self.input_weights_, n_threads=n_threads)
            n_spikes += engine.liquid_traces(
                W.indptr.astype(np.int64),
                W.indices.astype(np.int32),
                W.data,
                self.n_excitatory_,
                self._settings(),
                drive,
                piece.lengths,
                state[piece.sequences],
                resting[piece.sequences],
                n_threads=n_threads,
            ).sum()
            if every:
                found[piece.rows] = drive
            elif self.output == "mean":
                some = piece.lengths > 0
                ends = np.cumsum(piece.lengths)
                found[piece.sequences][some] += np.add.reduceat(drive, (ends - piece.lengths)[some])
        if not n_spikes:
            warn_user(
                f"No unit spiked in {counted(len(sequences.rows), 'step')}, so that all traces are zeros. X is too"
                f" short, or too small for input_scaling={self.input_scaling:g}, which should be larger.",
                SilentReservoirWarning,
            )
        if every:
            return sequences.in_form(found)
        values = state[:, -1].astype(found.dtype) if self.output == "last" else found / sequences.lengths[:, None]
        return with_a_row_for_each_sequence(self, values)

    def _beginning(self, n_sequences: int) -> tuple[NDArray, NDArray]:
        """Return what units keep from step to step, and how long they rest, before the first steps."""
        state = np.zeros((n_sequences, engine.LIQUID_VECTORS, len(self.initial_potentials_)))
        state[:, 0] = self.initial_potentials_
        return state, np.zeros(state[:, 0].shape, dtype=np.int32)

    def fit_transform(self, X: Any, y: Any = None, lengths: Any = None) -> Any:
        """Draw a liquid, and return the traces for the same sequences; see :meth:`fit` and :meth:`transform`."""
        if self.output == "steps":
            refuse_no_table(self, X, _OTHER_OUTPUTS)
        return self.fit(X, y, lengths).transform(X, lengths)

    @property
    def _n_features_out(self) -> int:
        return len(self.initial_potentials_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def check_state(self) -> None:
        """Refuse attributes that a file must not say."""
        require_jobs(self.n_jobs)
        if "recurrent_weights_" not in vars(self):
            return
        for name in ("step", "membrane_time", "trace_time"):
            require(is_number(getattr(self, name)) and getattr(self, name) > 0, f"{name} must be more than 0")
        n_features, n_units = checked_count(self, "n_features_in_"), checked_units(self, "initial_potentials_")
        shapes = {
            "initial_potentials_": (n_units,),
            "input_weights_": (n_features, n_units),
            "positions_": (n_units, 3),
        }
        require_arrays(self, shapes)
        require_connections(self, "recurrent_weights_", n_units)
        n_excitatory: Any = getattr(self, "n_excitatory_", None)
        require(is_count(n_excitatory) and n_excitatory <= n_units, "n_excitatory_ is no count of units")
