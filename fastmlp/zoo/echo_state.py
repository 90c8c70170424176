"""EchoStateRegressor: a reservoir of fixed recurrent units, and a readout of their states in closed form."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import ArpackError, eigs
from sklearn.base import ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from fastmlp import engine
from fastmlp.components import whole_number
from fastmlp.estimators.base import Estimator, begins_fit, restored_on_error
from fastmlp.exceptions import DivergenceWarning, counted, warn_user
from fastmlp.registration import stored_as
from fastmlp.soundness import is_count, is_number, is_truth, require, require_jobs, shown
from fastmlp.threads import single_threaded_blas, team_size
from fastmlp.zoo.readout import RidgeReadout
from fastmlp.zoo.reservoir_checks import (
    LARGEST,
    MOST_UNITS,
    checked_count,
    checked_units,
    require_arrays,
    require_connections,
)
from fastmlp.zoo.sequences import Piece, Sequences, refuse_no_table, sequences_of

# A unit hears so many others by default: more make it slower, and hardly better.
_CONNECTIONS = 10
# Up to so many units, and where each hears fewer others than these, all eigenvalues are found; otherwise some of the
# largest by Arnoldi's iteration.
_DENSE_UNITS, _LEAST_CONNECTIONS = 200, 3


@stored_as("EchoStateRegressor")
class EchoStateRegressor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, RegressorMixin, Estimator):
    """An echo state network: a random recurrent layer that is not trained, and a linear readout that is.

    With inputs u(t), states x(t) and outputs y(t) of a sequence's steps t = 1, 2, ...::

        x(t) = (1 - leak) x(t-1) + leak tanh(W x(t-1) + W_in u(t) + b + W_fb y(t-1))
        y(t) = W_out [u(t), x(t)] + c

    The weights of the reservoir, W, W_in, b and W_fb, are drawn once. Those of the readout are the solution of a ridge
    regression over all steps, so that there are no epochs, and nothing to converge. What an input did to the state
    fades: the state is an echo of the inputs so far, out of which the readout makes what it needs.

    Parameters
    ----------
    n_units : int, default=400
        Units of the reservoir. More of them remember more steps and make more of them.
    spectral_radius : float, default=0.9
        The largest modulus among the eigenvalues of W. The memory grows with it; from about 1 on states may forget
        nothing or live on without inputs.
    leak : float, default=1.0
        What a step replaces of a state, above 0 and at most 1. Slow series want a small one.
    density : float, default=None
        The share of the other units that each unit hears. None is that of 10 units.
    input_scaling : float, default=1.0
        The input weights are uniform between minus and plus this. Scale X, so that all features are about of size 1.
    bias_scaling : float, default=0.2
        The same for the biases.
    feedback : float, default=0.0
        The same for the weights of outputs that are fed back. 0 is no feedback. In training, the targets are fed back
        in place of outputs (teacher forcing); in predictions the outputs, which therefore have no need to be right.
    washout : int, default=100
        The first steps of each sequence, from which nothing is learned, since they depend on the zeros before them.
    alpha : float or sequence of float, default=1e-8
        Strength of the readout's penalty, as for :class:`sklearn.linear_model.Ridge`. Of several the best is taken by
        generalised cross-validation.
    noise : float, default=0.0
        In training, uniform noise between minus and plus this is added to what the units' tanh takes. It makes a
        network stable whose outputs come back to it, at the price of precision.
    direct : bool, default=True
        Whether the readout sees the inputs beside the states.
    continues : bool, default=False
        Whether predict, transform, score and partial_fit begin with the state in which training ended, as for a series
        that goes on where the training series ends; otherwise they begin with zeros, as fit does, and the first
        predictions can be wrong by many times the size of the targets, since nothing was learned from such steps.
    random_state : int, RandomState instance or None, default=None
        What the reservoir and the noise are drawn by.
    n_jobs : int, default=None
        Threads; None is as many as make sense. Sequences are shared out among them, so one alone takes one thread.
        The results are the same for any number.

    Attributes
    ----------
    recurrent_weights_ : csr_array of shape (n_units, n_units)
        W, in float64 as all the others: row i has the weights into unit i.
    input_weights_ : ndarray of shape (n_features, n_units)
    biases_ : ndarray of shape (n_units,)
    feedback_weights_ : ndarray of shape (n_outputs, n_units)
    coef_ : ndarray of shape (n_outputs, n_features + n_units)
        The readout: of the inputs, if it is direct, and of the states.
    intercept_ : ndarray of shape (n_outputs,)
    alpha_ : float
        The strength of the penalty that was taken.
    final_state_ : ndarray of shape (n_units,)
        The state after the last step of training.
    final_output_ : ndarray of shape (n_outputs,)
        The target of that step.
    n_outputs_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    Notes
    -----
    A matrix X is one sequence, a row for each step, or with ``lengths`` several, one after another. A list of matrices
    is a list of sequences, and an array of three axes has sequences of the same length. Targets and predictions have
    the same form. ``set_output`` makes tables of the states in the steps of a matrix; those of a list or of an array of
    three axes are no table, and refused.

    A prediction depends on the steps before it. So rows must stay in their order: split series by time, as
    :class:`sklearn.model_selection.TimeSeriesSplit` does, or sequences as wholes.

    References
    ----------
    H. Jaeger (2001). The "echo state" approach to analysing and training recurrent neural networks. GMD report 148.

    M. Lukosevicius (2012). A practical guide to applying echo state networks. In Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo import EchoStateRegressor
    >>> series = np.sin(np.arange(600) / 5)[:, None]
    >>> model = EchoStateRegressor(50, washout=50, random_state=0)
    >>> model = model.fit(series[:499], series[1:500])  # the next value
    >>> ahead = model.generate(100)  # each prediction is the next input
    >>> bool(np.abs(ahead - series[500:]).max() < 0.01)
    True
    """

    _parameter_constraints = {
        "n_units": [Interval(Integral, 1, MOST_UNITS, closed="both")],
        "spectral_radius": [Interval(Real, 0, LARGEST, closed="both")],
        "leak": [Interval(Real, 0, 1, closed="right")],
        "density": [Interval(Real, 0, 1, closed="right"), None],
        "input_scaling": [Interval(Real, 0, LARGEST, closed="both")],
        "bias_scaling": [Interval(Real, 0, LARGEST, closed="both")],
        "feedback": [Interval(Real, 0, LARGEST, closed="both")],
        "washout": [Interval(Integral, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, LARGEST, closed="both"), "array-like"],
        "noise": [Interval(Real, 0, LARGEST, closed="both")],
        "direct": ["boolean"],
        "continues": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_units: int = 400,
        *,
        spectral_radius: float = 0.9,
        leak: float = 1.0,
        density: float | None = None,
        input_scaling: float = 1.0,
        bias_scaling: float = 0.2,
        feedback: float = 0.0,
        washout: int = 100,
        alpha: Any = 1e-8,
        noise: float = 0.0,
        direct: bool = True,
        continues: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    # ---- training ----------------------------------------------------------------------------------------------------

    @begins_fit
    def fit(self, X: Any, y: Any, lengths: Any = None) -> EchoStateRegressor:
        """Draw a reservoir, and learn the readout of its states.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features) or (n_sequences, n_steps, n_features), or list of matrices
            Inputs, see the notes of the class.
        y : array-like of shape (n_steps,) or (n_steps, n_outputs), or in the form of X
            A target for each step.
        lengths : array-like of int of shape (n_sequences,), default=None
            How many rows of a matrix X each sequence has.

        Returns
        -------
        self : EchoStateRegressor
        """
        with restored_on_error(self):
            sequences, y = self._given(X, y, lengths, reset=True)
            self._draw(y.ndim, y[:1].size)
            self._learn(sequences, y)
        return self

    @begins_fit
    def partial_fit(self, X: Any, y: Any, lengths: Any = None) -> EchoStateRegressor:
        """Learn further steps with the reservoir there is: the readout becomes that of all steps so far.

        The sequences begin with zeros, or with ``continues`` where the last call ended: a long series may be given
        block by block, and is learned as if it were given to fit at once.

        Parameters
        ----------
        X, y, lengths
            As for :meth:`fit`.

        Returns
        -------
        self : EchoStateRegressor
        """
        self._validate_params()  # scikit-learn does so at a first call only
        with restored_on_error(self):
            is_first = not hasattr(self, "coef_")
            sequences, y = self._given(X, y, lengths, reset=is_first)
            if is_first:
                self._draw(y.ndim, y[:1].size)
            elif (y.ndim, y[:1].size) != (2 - self._is_flat, self.n_outputs_):
                raise ValueError(f"y must have {counted(self.n_outputs_, 'output')} as before, got shape {y.shape}.")
            self._learn(sequences, y)
        return self

    def _given(self, X: Any, y: Any, lengths: Any, *, reset: bool) -> tuple[Sequences, NDArray]:
        """Return sequences and targets of a fit."""
        sequences, y = sequences_of(self, X, y, lengths, reset=reset, multi_output=True, y_numeric=True)
        self._penalty()
        left = int(sequences.lengths.max()) - self._steps_to_wash(reset=reset)
        if left < 1:
            raise ValueError(
                f"washout={self.washout} leaves no step to learn from: the longest sequence has"
                f" {counted(int(sequences.lengths.max()), 'step')}. It must be less."
            )
        return sequences, y

    def _penalty(self) -> Any:
        """Return alpha, checked: a number, or a vector of them."""
        if isinstance(self.alpha, Real):
            return float(self.alpha)
        try:
            alphas = np.asarray(self.alpha)
        except ValueError:  # lists of different lengths
            alphas = np.empty(0)
        are_numbers = alphas.ndim <= 1 and alphas.size > 0 and alphas.dtype.kind in "iuf"
        if not are_numbers or not ((alphas >= 0) & (alphas <= LARGEST)).all():
            raise ValueError(
                f"alpha must be a number of at least 0 or a list of such numbers, up to {LARGEST:g}; got"
                f" {shown(self.alpha)}."
            )
        return alphas.astype(np.float64) if alphas.ndim else float(alphas)

    def _steps_to_wash(self, *, reset: bool) -> int:
        """Return how many first steps of a sequence are not learned from."""
        passed = self._n_passed if self.continues and not reset and hasattr(self, "coef_") else 0
        return max(0, self.washout - passed)

    def _draw(self, n_axes: int, n_outputs: int) -> None:
        """Draw a reservoir for the features there are, and forget what was learned."""
        self._random_state = random = check_random_state(self.random_state)
        n_units, n_features = self.n_units, self.n_features_in_
        share = min(1.0, _CONNECTIONS / n_units) if self.density is None else self.density
        self.recurrent_weights_ = _recurrent_weights(n_units, share, self.spectral_radius, random)
        self.input_weights_ = random.uniform(-self.input_scaling, self.input_scaling, (n_features, n_units))
        self.biases_ = random.uniform(-self.bias_scaling, self.bias_scaling, n_units)
        self.feedback_weights_ = random.uniform(-self.feedback, self.feedback, (n_outputs, n_units))
        self.n_outputs_, self._is_flat, self._n_passed = n_outputs, n_axes == 1, 0
        self._readout = RidgeReadout()
        self.final_state_, self.final_output_ = np.zeros(n_units), np.zeros(n_outputs)

    def _learn(self, sequences: Sequences, y: NDArray) -> None:
        """Add the steps of sequences to what is learned, and solve for the readout."""
        continues = self.continues and self._n_passed > 0
        washed = self._steps_to_wash(reset=not continues)
        targets = np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float64)
        state, last = self._beginning(len(sequences), continues)
        n_threads = self._team(sequences)

        def blocks() -> Iterator[tuple[NDArray, NDArray, None]]:
            for piece in sequences.pieces():
                inputs, known = sequences.rows[piece.rows], np.array(targets[piece.rows])
                drive = self._drive(inputs, n_threads)
                if self.noise:
                    drive += self._random_state.uniform(-self.noise, self.noise, drive.shape)
                self._run(piece, drive, state, n_threads, known, last)
                kept = piece.steps >= washed
                units = np.concatenate([inputs, drive], axis=1) if self._reads_inputs else drive
                yield (units, known, None) if kept.all() else (units[kept], known[kept], None)

        readout = copy.copy(self._readout)
        readout.add_all(blocks(), n_threads=team_size(self.n_jobs, float(len(y)) * len(self.biases_) ** 2))
        found = readout.solve(self._penalty())
        self._readout = readout
        self.coef_, self.intercept_ = np.ascontiguousarray(found.coefs.T), found.intercepts
        self.alpha_ = found.alpha
        self.final_state_, self.final_output_ = state[-1].copy(), last[-1].copy()
        self._n_passed = int(sequences.lengths[-1]) + (self._n_passed if continues else 0)

    # ---- the reservoir -----------------------------------------------------------------------------------------------

    def _team(self, sequences: Sequences) -> int:
        """Return how many threads take sequences through the reservoir."""
        flops = 2.0 * self.recurrent_weights_.nnz * len(sequences.rows)
        return min(team_size(self.n_jobs, flops), len(sequences))

    def _beginning(self, n_sequences: int, continues: bool) -> tuple[NDArray, NDArray]:
        """Return states and outputs before the first steps of sequences."""
        shape = (n_sequences, 1)
        if continues:
            return np.tile(self.final_state_, shape), np.tile(self.final_output_, shape)
        return np.zeros((n_sequences, len(self.biases_))), np.zeros((n_sequences, self.n_outputs_))

    def _drive(self, inputs: NDArray, n_threads: int, out: NDArray | None = None) -> NDArray:
        """Return what inputs and biases add to each unit, which may be written where it is wanted."""
        inputs = np.ascontiguousarray(inputs, dtype=np.float64)
        if inputs.shape[1] == 1:  # of which a product would take longer to pack than to make
            drive = np.multiply(inputs, self.input_weights_, out=out)
            return np.add(drive, self.biases_, out=drive)
        drive = engine.matmul(inputs, self.input_weights_, self.biases_, n_threads=n_threads)
        if out is None:
            return drive
        out[...] = drive
        return out

    def _run(
        self,
        piece: Piece,
        drive: NDArray,
        state: NDArray,
        n_threads: int,
        outputs: NDArray | None = None,
        last: NDArray | None = None,
        **readout: Any,
    ) -> None:
        """Take a piece through the reservoir: drive becomes states, and with a readout outputs become outputs."""
        W, some = self.recurrent_weights_, piece.sequences
        if self.feedback_weights_.any() and "feedback" not in readout:
            readout["feedback"] = self.feedback_weights_
        engine.echo_states(
            W.indptr.astype(np.int64),
            W.indices.astype(np.int32),
            W.data,
            float(self.leak),
            drive,
            piece.lengths,
            state[some],
            outputs=outputs,
            last_outputs=None if last is None else last[some],
            n_threads=n_threads,
            **readout,
        )

    @property
    def _reads_inputs(self) -> bool:
        """Whether the readout sees the inputs, as it did from its first step on."""
        return bool(self.direct) if not self._readout.n_units else self._readout.n_units > len(self.biases_)

    def _parts_of_readout(self) -> tuple[NDArray, NDArray]:
        """Return the readout's weights of the inputs, which may be zeros, and of the states."""
        n_inputs = self.n_features_in_ if self._reads_inputs else 0
        of_inputs = self.coef_[:, :n_inputs] if n_inputs else np.zeros((self.n_outputs_, self.n_features_in_))
        return np.ascontiguousarray(of_inputs.T), np.ascontiguousarray(self.coef_[:, n_inputs:].T)

    # ---- predictions -------------------------------------------------------------------------------------------------

    def predict(self, X: Any, lengths: Any = None) -> Any:
        """Return the outputs for each step.

        Each sequence begins with a state of zeros, or with ``continues`` with the state in which training ended. With
        feedback, the outputs themselves are fed back.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features) or (n_sequences, n_steps, n_features), or list of matrices
        lengths : array-like of int of shape (n_sequences,), default=None

        Returns
        -------
        y : ndarray of shape (n_steps,) or (n_steps, n_outputs), or in the form of X
        """
        sequences, _ = sequences_of(self, X, None, lengths, reset=False)
        return sequences.in_form(self._predictions(sequences))

    def _predictions(self, sequences: Sequences) -> NDArray:
        """Return the outputs for each step of sequences, one sequence after another."""
        n_threads = self._team(sequences)
        of_inputs, of_states = self._parts_of_readout()
        found = np.empty((len(sequences.rows), self.n_outputs_), dtype=sequences.rows.dtype)
        state, last = self._beginning(len(sequences), self.continues)
        for piece in sequences.pieces():
            inputs = np.ascontiguousarray(sequences.rows[piece.rows], dtype=np.float64)
            outputs = engine.matmul(inputs, of_inputs, self.intercept_, n_threads=n_threads)
            self._run(piece, self._drive(inputs, n_threads), state, n_threads, outputs, last, readout=of_states)
            found[piece.rows] = outputs
        return found.ravel() if self._is_flat else found

    def transform(self, X: Any, lengths: Any = None) -> Any:
        """Return the states of the reservoir in each step.

        With feedback, the outputs are those of the readout, as in :meth:`predict`.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features) or (n_sequences, n_steps, n_features), or list of matrices
        lengths : array-like of int of shape (n_sequences,), default=None

        Returns
        -------
        states : ndarray of shape (n_steps, n_units), or in the form of X
        """
        refuse_no_table(self, X)
        sequences, _ = sequences_of(self, X, None, lengths, reset=False)
        n_threads, has_feedback = self._team(sequences), bool(self.feedback_weights_.any())
        of_inputs, of_states = self._parts_of_readout()
        states = np.empty((len(sequences.rows), len(self.biases_)), dtype=sequences.rows.dtype)
        state, last = self._beginning(len(sequences), self.continues)
        for piece in sequences.pieces():
            inputs = np.ascontiguousarray(sequences.rows[piece.rows], dtype=np.float64)
            in_place = isinstance(piece.rows, slice) and states.dtype == np.float64
            drive = self._drive(inputs, n_threads, states[piece.rows] if in_place else None)
            if has_feedback:
                outputs = engine.matmul(inputs, of_inputs, self.intercept_, n_threads=n_threads)
                self._run(piece, drive, state, n_threads, outputs, last, readout=of_states)
            else:
                self._run(piece, drive, state, n_threads)
            if not in_place:
                states[piece.rows] = drive
        return sequences.in_form(states)

    def fit_transform(self, X: Any, y: Any, lengths: Any = None) -> Any:
        """Fit, and return the states for the same sequences; see :meth:`fit` and :meth:`transform`."""
        refuse_no_table(self, X)
        return self.fit(X, y, lengths).transform(X, lengths)

    def generate(self, n_steps: int, X: Any = None, *, warm_up: Any = None) -> NDArray:
        """Go on by itself: each output is what the next step has as its input, or as its feedback.

        Parameters
        ----------
        n_steps : int
        X : array-like of shape (n_steps, n_features), default=None
            The inputs, which a network with feedback needs. One without takes its outputs as its next inputs, as it
            was trained to predict them; it needs none.
        warm_up : array-like of shape (n_warm, n_features), or (X, y) with feedback, default=None
            A sequence that leads up to the first step, from a state of zeros: with feedback, y is fed back (teacher
            forcing). By default the steps are those after the end of training.

        Returns
        -------
        y : ndarray of shape (n_steps,) or (n_steps, n_outputs)
            Without feedback and after a warm-up, the first is the prediction of what follows its last row.

        Raises
        ------
        ValueError
            When outputs shall be inputs and have another width; when X has another length than n_steps.
        """
        check_is_fitted(self)
        self._validate_params()  # they may have been set after the fit
        n_steps = whole_number(n_steps, "n_steps")
        has_feedback = bool(self.feedback_weights_.any())
        if not has_feedback and X is not None:
            raise ValueError("X must be None where there is no feedback, since the outputs are the next inputs.")
        if not has_feedback and self.n_outputs_ != self.n_features_in_:
            raise ValueError(
                f"generate takes outputs as the next inputs, but there are {counted(self.n_outputs_, 'output')} and"
                f" {counted(self.n_features_in_, 'feature')}. Fit with y as the next rows of X, or with feedback."
            )
        if has_feedback and X is None:
            raise ValueError("X must be given to a network with feedback: the inputs of the steps to generate.")
        state, last = self._warmed_up(warm_up, has_feedback)
        of_inputs, of_states = self._parts_of_readout()
        everything = Piece(slice(0, 1), slice(0, n_steps), np.arange(n_steps), np.array([n_steps]))
        if has_feedback:
            rows = sequences_of(self, X, reset=False)[0].rows
            if len(rows) != n_steps:
                raise ValueError(f"X must have a row for each of the {n_steps} steps, got {len(rows)}.")
            drive = self._drive(rows, 1)
            outputs = engine.matmul(np.ascontiguousarray(rows, np.float64), of_inputs, self.intercept_)
            self._run(everything, drive, state, 1, outputs, last, readout=of_states)
        else:
            drive, outputs = np.tile(self.biases_, (n_steps, 1)), np.tile(self.intercept_, (n_steps, 1))
            fed = {"feedback": self.input_weights_, "readout": of_states, "passed_on": of_inputs}
            self._run(everything, drive, state, 1, outputs, last, **fed)
        if not np.isfinite(outputs).all():
            warn_user(
                "The generated outputs ran away, since each goes into the next: they are not finite any more. Noise in"
                " training, a larger alpha or direct=False keep them.",
                DivergenceWarning,
            )
        return outputs.ravel() if self._is_flat else outputs

    def _warmed_up(self, warm_up: Any, has_feedback: bool) -> tuple[NDArray, NDArray]:
        """Return the state and the outputs from which to generate."""
        if warm_up is None:
            return self._beginning(1, continues=True)
        state, last = self._beginning(1, continues=False)
        if has_feedback:
            if not isinstance(warm_up, tuple) or len(warm_up) != 2:
                raise ValueError("warm_up must be a tuple (X, y) where there is feedback.")
            sequences, y = sequences_of(self, *warm_up, reset=False, multi_output=True, y_numeric=True)
            known = np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float64)
            if known.shape[1] != self.n_outputs_:
                raise ValueError(f"warm_up must have {counted(self.n_outputs_, 'output')}, got y of shape {y.shape}.")
        else:
            sequences, _ = sequences_of(self, warm_up, reset=False)
            # The last row is the input of the first step to come.
            known = np.asarray(sequences.rows, dtype=np.float64)
            sequences = Sequences(sequences.rows[:-1], sequences.lengths - 1, "rows")
            last[0] = known[-1]
        if len(sequences) != 1:
            raise ValueError("warm_up must be a single sequence.")
        for piece in sequences.pieces():
            drive = self._drive(sequences.rows[piece.rows], 1)
            if has_feedback:
                self._run(piece, drive, state, 1, np.array(known[piece.rows]), last)
            else:
                self._run(piece, drive, state, 1)
        return state, last

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, lengths: Any = None) -> float:
        """Return the coefficient of determination of the predictions.

        Parameters
        ----------
        X, y, lengths
            As for :meth:`fit`.
        sample_weight : array-like of shape (n_steps,), default=None
            Weights of the steps, one sequence after another. None leaves the washout of each sequence out, as training
            does, unless the parameter continues is set or no sequence is longer.

        Returns
        -------
        score : float
        """
        sequences, y = sequences_of(self, X, y, lengths, reset=False, multi_output=True, y_numeric=True)
        if sample_weight is None and not self.continues:
            steps = np.concatenate([np.arange(length) for length in sequences.lengths])
            sample_weight = (steps >= self.washout).astype(np.float64) if steps.max() >= self.washout else None
        return r2_score(y, self._predictions(sequences), sample_weight=sample_weight)

    # ---- what scikit-learn and files ask -----------------------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        return len(self.biases_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def check_state(self) -> None:
        """Refuse attributes that a file must not say."""
        require_jobs(self.n_jobs)
        if "coef_" not in vars(self):
            return
        n_features, n_outputs = checked_count(self, "n_features_in_"), checked_count(self, "n_outputs_")
        n_units = checked_units(self, "biases_")
        readout: Any = getattr(self, "_readout", None)
        require(type(readout) is RidgeReadout, "_readout is none")
        is_read = readout.n_units in (n_units, n_units + n_features) and readout.n_outputs == n_outputs
        require(is_read, "_readout does not fit n_features_in_, n_outputs_ and biases_")
        shapes: dict[str, tuple[int, ...]] = {
            "input_weights_": (n_features, n_units),
            "biases_": (n_units,),
            "feedback_weights_": (n_outputs, n_units),
            "coef_": (n_outputs, readout.n_units),
            "intercept_": (n_outputs,),
            "final_state_": (n_units,),
            "final_output_": (n_outputs,),
        }
        require_arrays(self, shapes)
        require_connections(self, "recurrent_weights_", n_units)
        require(is_truth(getattr(self, "_is_flat", None)), "_is_flat is neither True nor False")
        require(is_count(getattr(self, "_n_passed", None)), "_n_passed is no count of steps")
        require(is_number(self.leak), "leak is no number")
        random = getattr(self, "_random_state", None)
        require(isinstance(random, np.random.RandomState), "_random_state is none")


def _recurrent_weights(n_units: int, density: float, radius: float, random: np.random.RandomState) -> Any:
    """Return random weights of a spectral radius, of which each row has the same number, as a CSR array."""
    n_heard = int(np.clip(round(density * n_units), 1, n_units))
    indices = np.empty((n_units, n_heard), dtype=np.int32)
    for row in indices:
        row[:] = np.sort(np.argpartition(random.random_sample(n_units), n_heard - 1)[:n_heard])
    weights = random.uniform(-1, 1, n_units * n_heard)
    indptr = np.arange(n_units + 1, dtype=np.int32) * n_heard
    W = scipy.sparse.csr_array((weights, indices.ravel(), indptr), shape=(n_units, n_units))
    W.data *= radius / spectral_radius(W)
    return W


def spectral_radius(W: Any) -> float:
    """Return the largest modulus of the eigenvalues of a sparse square matrix, the same in every run.

    Examples
    --------
    >>> import scipy.sparse
    >>> from fastmlp.zoo.echo_state import spectral_radius
    >>> round(spectral_radius(scipy.sparse.csr_array([[0.0, 2.0], [-2.0, 0.0]])), 12)
    2.0
    """
    n_units = W.shape[0]
    with single_threaded_blas():
        if n_units > _DENSE_UNITS and W.nnz >= _LEAST_CONNECTIONS * n_units:
            # The largest ones lie close together on a circle, and one alone might be taken for another.
            try:
                some = eigs(W, k=6, ncv=80, v0=np.ones(n_units), maxiter=2000, return_eigenvectors=False)
                return float(np.abs(some).max())
            except ArpackError:
                pass
        return float(np.abs(np.linalg.eigvals(W.toarray())).max())
