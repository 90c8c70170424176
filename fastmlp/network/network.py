"""A network: its structure, its objective, its numbers in one flat vector, and passes forward and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, overload

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import check_random_state

from fastmlp import engine
from fastmlp.activations import ACTIVATIONS, Activation
from fastmlp.components import compute_dtype, real_array, whole_number
from fastmlp.initializers import INITIALIZERS, initial_embeddings, initial_params
from fastmlp.inputs.columns import ColumnsLayout
from fastmlp.inputs.rows import Rows, checked_rows
from fastmlp.network.composition import Composable
from fastmlp.network.gradients import Gradients, checked_options
from fastmlp.network.layers import Embeddings, HiddenLayer
from fastmlp.network.objective import Objective
from fastmlp.network.prediction import Predictor, forward_in_pieces
from fastmlp.network.regularization import Regularization, checked_seed
from fastmlp.network.structure import Structure
from fastmlp.threads import Team, prediction_team, team_size, threads_of


class Network(Composable):
    """A multilayer perceptron: its structure, its objective, its numbers, and passes forward and back.

    Parameters
    ----------
    structure : Structure
        The layers of the network.
    params : ndarray of shape (n_params,), float32 or float64, default=None
        The parameters in the order of ``structure.parts()``. The vector is kept and not copied; hence it must be
        contiguous. None makes a new vector with weights and biases 0, gains 1 and the activations' own initial
        parameters.
    objective : str, callable or Objective, default="squared_error"
        What the network is trained for, which decides its link (the activation of its output layer): the name of a
        loss, a function as :class:`fastmlp.losses.CustomLoss` takes it, or an :class:`Objective`.
    dtype : float32 or float64, default=float64
        The type of a new vector; where params are given, their type counts.

    Raises
    ------
    TypeError
        For what is no Structure.
    ValueError
        For a vector of another length or type, another dtype, and an objective that cannot be.

    Attributes
    ----------
    coefs, intercepts : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,), which are views of params. In a layer with a
        normalization the biases are added after it.
    gains, activation_parameters : list of ndarray or None
        For each hidden layer that has them the gains of its normalization and the learned parameters of its activation,
        shape (n_units,), which are views of params, too.
    projections : list of ndarray or None
        For each hidden layer that is residual and gives another number of values than it takes, the matrix (n_in,
        n_out) by which its inputs are multiplied before they are added, a view of params.
    running : list of ndarray or None
        For each hidden layer with batch normalization the means and the variances that predictions take, shape
        (2, n_units).
    input_means, input_scales : ndarray of shape (n_inputs,) or None
        The means are subtracted from the inputs, but for those of CSR rows; then they are multiplied by the scales.
    objective : Objective
        What the network is trained for. It may be set to another one.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.network import Network, Structure
    >>> net = Network(Structure.of([2, 1], "relu"), np.ones(3))
    >>> X, y = np.array([[1.0, 2.0]]), np.array([[3.0]])
    >>> net.forward(X)
    array([[4.]])
    >>> net.loss_and_gradients(X, y)
    (0.5, array([1., 2., 1.]))
    >>> {name: view.shape for name, view in net.named_parameters().items()}
    {'coefs.0': (2, 1), 'intercepts.0': (1,)}

    A training loop of one's own:

    >>> from fastmlp.optimizers import Adam
    >>> X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0], dtype=np.int32)
    >>> net = Network.create([2, 8, 2], "tanh", "log_loss", random_state=0)
    >>> optimizer, params = Adam(learning_rate=0.1), list(net.named_parameters().values())
    >>> state = optimizer.init(params)
    >>> for _ in range(100):
    ...     loss, gradient = net.loss_and_gradients(X, y)
    ...     optimizer.step(params, list(net.named_parameters(gradient).values()), state)
    >>> net.forward(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """

    coefs: list[NDArray]
    intercepts: list[NDArray]
    gains: list[NDArray | None]
    activation_parameters: list[NDArray | None]
    projections: list[NDArray | None]

    def __init__(
        self,
        structure: Structure,
        params: NDArray | None = None,
        *,
        objective: str | Callable | Objective = "squared_error",
        dtype: DTypeLike = np.float64,
    ) -> None:
        if not isinstance(structure, Structure):
            raise TypeError(f"structure must be a Structure, as Structure.of makes it; got {structure!r}.")
        n_hidden = len(structure.hidden)
        is_new = params is None
        self.structure = structure
        self.objective = Objective.of(objective)
        self.params: NDArray = (
            np.zeros(structure.n_params, compute_dtype(dtype))
            if params is None
            else _checked_vector(params, structure.n_params, "params")
        )
        self.coefs, self.intercepts = [], []
        self.gains, self.activation_parameters = [None] * n_hidden, [None] * n_hidden
        self.projections = [None] * n_hidden
        for part, view in structure.views(self.params):
            if is_new and part.initial:
                view[:] = part.initial
            if part.name in ("coefs", "intercepts"):
                getattr(self, part.name).append(view)
            else:
                getattr(self, part.name)[part.layer] = view
        self.running: list[NDArray | None] = [
            np.array([np.zeros(width), np.ones(width)], self.params.dtype) if layer.normalization == "batch" else None
            for layer, width in zip(structure.hidden, structure.sizes[1:-1], strict=True)
        ]
        self.input_means: NDArray | None = None
        self.input_scales: NDArray | None = None

    @classmethod
    def create(
        cls,
        sizes: Sequence[int],
        activation: str | Activation | Sequence[str | Activation | HiddenLayer] = "relu",
        loss: str | Callable | Objective = "squared_error",
        *,
        normalization: str | None = None,
        kind: str = "dense",
        weight_init: Any = "auto",
        bias_init: Any = "auto",
        random_state: int | np.random.RandomState | None = None,
        dtype: DTypeLike = np.float64,
        columns: ColumnsLayout | None = None,
        embedding_size: int | None = None,
    ) -> Network:
        """Build a network with initial weights.

        Parameters
        ----------
        sizes : sequence of int
            Units per layer, input and output included.
        activation : str, Activation, or a sequence with one per hidden layer, default="relu"
            The activations of the hidden layers.
        loss : str, callable or Objective, default="squared_error"
            What the network is trained for: a name from ``fastmlp.losses.LOSSES``, or an everyday name of it; a
            function as :class:`fastmlp.losses.CustomLoss` takes it; or an :class:`fastmlp.network.Objective`.
        normalization : {"batch", "layer"} or None, default=None
            The normalization of the hidden layers.
        kind : {"dense", "residual"}, default="dense"
            The kind of the hidden layers.
        weight_init, bias_init : default="auto"
            What :func:`fastmlp.initializers.initial_params` takes under these names. With weight_init="auto" residual
            layers begin small: their weights and biases are divided by the number of hidden layers, and their gains are
            1 over its root, so that what all layers add does not outgrow what they add it to. Projections are drawn as
            the weights of a layer with the activation identity are.
        random_state : int, RandomState or None, default=None
            The seed of the initial weights.
        dtype : float32 or float64, default=float64
            The type of the parameters.
        columns : ColumnsLayout, default=None
            The layout of encoded columns that the first layer looks up; sizes begin with its total_inputs. Initial
            weights take as many inputs as there are columns for its fan_in, since so many are looked up for a row;
            those of a number of B bins are divided by the root of B, since up to B of them are summed. What is missing
            or unknown begins with weights of 0. None for a first layer that reads other rows.
        embedding_size : int, default=None
            The number of units that each column has of its own, a multiple of 4, in a layer of embeddings before the
            hidden layers that sizes name; see :meth:`Structure.of`. Initial weights take 1 for its fan_in, since the
            value of a single column is looked up for a unit, and embedding_size for its fan_out; those of a number of B
            bins are divided by the root of max(1, B / 2), since half of them are summed on average. With
            weight_init="auto" embeddings of 4 to 16 units so begin with standard deviations of 0.3 to 0.7. None for a
            network without such a layer.

        Raises
        ------
        ValueError
            For sizes, names and types that cannot be; it says what can.

        Examples
        --------
        >>> from fastmlp import Network
        >>> Network.create([3, 4, 1], "tanh", random_state=0).params.size
        21
        >>> Network.create([3, 4, 1], dtype="float16")
        Traceback (most recent call last):
        ...
        ValueError: dtype must be float32 or float64; got 'float16'.
        """
        structure = Structure.of(sizes, activation, normalization, kind, columns=columns, embedding_size=embedding_size)
        network = cls(structure, objective=loss, dtype=dtype)
        names: str | list[str] = [layer.activation for layer in network.structure.hidden]
        if isinstance(activation, str):  # Without hidden layers, too, the initial weights depend on it.
            names = ACTIVATIONS.canonical(activation)
        first, own = structure.layers[0], names if isinstance(names, str) else [*names, "relu"][0]
        units, rng = [*structure.sizes], check_random_state(random_state)
        drawn_coefs, drawn_intercepts = network.coefs, network.intercepts
        if isinstance(first, Embeddings):
            network._begin_embeddings(first, own, rng, weight_init, bias_init)
            units, drawn_coefs, drawn_intercepts = units[1:], drawn_coefs[1:], drawn_intercepts[1:]
            names = names if isinstance(names, str) else names[1:] or own
        elif columns is not None:
            units[0] = columns.n_columns
            drawn_coefs = [np.empty((units[0], units[1]), network.params.dtype), *drawn_coefs[1:]]
        start = initial_params(units, names, network.params.dtype, rng, weight_init=weight_init, bias_init=bias_init)
        for part in (part for both in zip(drawn_coefs, drawn_intercepts, strict=True) for part in both):
            part[:], start = start[: part.size].reshape(part.shape), start[part.size :]
        if columns is not None and not isinstance(first, Embeddings):
            network._begin_columns(columns, drawn_coefs[0], own, rng, weight_init)
        for projections in network.projections:
            if projections is not None:
                drawn = initial_params(projections.shape, "identity", projections.dtype, rng, weight_init=weight_init)
                projections[:] = drawn[: projections.size].reshape(projections.shape)
        if isinstance(weight_init, str) and INITIALIZERS.canonical(weight_init) == "auto":
            network._shrink_residual_layers()
        return network

    def _begin_columns(
        self, columns: ColumnsLayout, drawn: NDArray, activation: str, rng: np.random.RandomState, weight_init: Any
    ) -> None:
        """Set the initial weights of a layer that looks columns up, given those of as many inputs as columns."""
        blocks = [drawn]
        for _ in range(1, -(-columns.total_inputs // columns.n_columns)):
            more = initial_params(drawn.shape, activation, drawn.dtype, rng, weight_init=weight_init)
            blocks.append(more[: drawn.size].reshape(drawn.shape))
        weights = self.coefs[0]
        weights[:] = np.concatenate(blocks)[: columns.total_inputs]
        for n_bins, offset in zip(columns.n_bins, columns.offsets, strict=False):
            weights[offset : offset + n_bins + 1] /= np.sqrt(n_bins)
        weights[[*columns.offsets]] = 0

    def _begin_embeddings(
        self, layer: Embeddings, activation: str, rng: np.random.RandomState, weight_init: Any, bias_init: Any
    ) -> None:
        """Set the initial weights and biases of a layer of embeddings."""
        columns, weights = layer.columns, self.coefs[0]
        weights[:], biases = initial_embeddings(
            columns.total_inputs, columns.n_columns, layer.size, activation, weights.dtype, rng,
            weight_init=weight_init, bias_init=bias_init,
        )  # fmt: skip
        self.intercepts[0][:] = biases.ravel()
        for n_bins, offset in zip(columns.n_bins, columns.offsets, strict=False):
            weights[offset : offset + n_bins + 1] /= np.sqrt(max(1.0, n_bins / 2))
        weights[[*columns.offsets]] = 0

    def _shrink_residual_layers(self) -> None:
        """Have residual layers add so little at the start that all of them together add no more than a few would."""
        n_hidden = len(self.structure.hidden)
        for i, layer in enumerate(self.structure.hidden):
            if layer.kind == "residual":
                self.coefs[i] /= n_hidden
                self.intercepts[i] /= n_hidden
                if (gains := self.gains[i]) is not None:
                    gains /= np.sqrt(n_hidden)

    def named_parameters(self, vector: NDArray | None = None) -> dict[str, NDArray]:
        """Return views of params by name: "coefs.0", "intercepts.0", ..., "gains.0", ...

        Where another vector in the same order is given, such as a gradient, the views are of that.

        Raises
        ------
        ValueError
            For a vector that is not contiguous, not float32 or float64, or not as long as params.
        """
        if vector is None:
            vector = self.params
        else:
            _checked_vector(vector, self.params.size, "vector")
        return {f"{part.name}.{part.layer}": view for part, view in self.structure.views(vector)}

    def astype(self, dtype: DTypeLike) -> Network:
        """Return a copy in another (or the same) type, float32 or float64."""
        dtype = compute_dtype(dtype)
        other = Network(self.structure, self.params.astype(dtype), objective=self.objective)
        other.running = [None if moments is None else moments.astype(dtype) for moments in self.running]
        other.input_means, other.input_scales = self.input_means, self.input_scales
        return other

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of what training changes: the parameters, and each layer's running moments."""
        running = {f"running.{i}": moments.copy() for i, moments in enumerate(self.running) if moments is not None}
        return {"params": self.params.copy(), **running}

    def with_arrays(self, arrays: Mapping[str, NDArray]) -> Network:
        """Return a copy with the arrays that :meth:`arrays` returned of another network.

        Raises
        ------
        ValueError
            When these are not arrays of the same names and shapes.
        """
        other = self.astype(self.params.dtype)
        own = {f"running.{i}": moments for i, moments in enumerate(other.running) if moments is not None}
        own["params"] = other.params
        for name, array in own.items():
            if name not in arrays or np.shape(arrays[name]) != array.shape:
                got = f"shape {np.shape(arrays[name])}" if name in arrays else f"{sorted(arrays)}"
                raise ValueError(f"arrays must hold {name!r}, of shape {array.shape}; got {got}.")
            array[:] = arrays[name]
        return other

    def folded(self) -> Network:
        """Return a network without batch normalization and scaling of inputs that gives the same outputs.

        Both are linear in a prediction, so that weights and biases can take them in. The scaling stays where layer
        normalization follows the first product, since biases are added after it, and where the first layer is residual,
        since it adds its inputs themselves.
        """
        structure = self.structure
        folded = Network(structure.without_batch_normalization(), objective=self.objective, dtype=self.params.dtype)
        for name, view in folded.named_parameters().items():
            view[:] = self.named_parameters()[name]
        for i, moments in enumerate(self.running):
            gains = self.gains[i]
            if moments is not None and gains is not None:
                factors = gains / np.sqrt(moments[1] + moments.dtype.type(engine.NORMALIZATION_EPSILON))
                folded.coefs[i] *= structure.layers[i].by_weight(factors)
                folded.intercepts[i] -= moments[0] * factors
        first = structure.hidden[0] if structure.hidden else None
        if first is not None and (first.normalization == "layer" or first.kind == "residual"):
            folded.input_means, folded.input_scales = self.input_means, self.input_scales
        elif self.input_scales is not None and self.input_means is not None:
            # In double precision: the means may be large against the scales.
            scaled = folded.coefs[0] * self.input_scales.astype(np.float64)[:, np.newaxis]
            folded.intercepts[0] -= self.input_means.astype(np.float64) @ scaled
            folded.coefs[0][:] = scaled
        return folded

    @property
    def flops_per_row(self) -> float:
        """The number of floating-point operations for one row's way forward and back, gradients included."""
        size = self.params.size
        if (columns := self.structure.columns) is not None:
            size -= (columns.total_inputs - columns.n_looked_up) * self.coefs[0].shape[1]
        return 6.0 * size

    def load_into(self, packed: engine.PackedNetwork) -> None:
        """Hand everything to a packed network of this structure."""
        packed.load(self.params)
        for i, moments in enumerate(self.running):
            if moments is not None:
                packed.set_running(i, *moments)
            elif self.structure.hidden[i].normalization == "batch":
                raise ValueError(f"running[{i}] must be the mean and the variance of hidden layer {i}; got None.")
        if (self.input_means is None) != (self.input_scales is None):
            raise ValueError("input_means and input_scales go together; got only one of them.")
        if self.input_means is not None and self.input_scales is not None:
            packed.scale_inputs(self.input_means, self.input_scales)

    def packed(self) -> engine.PackedNetwork:
        """Return the network in the engine's layout."""
        sizes, hidden = self.structure.sizes, self.structure.hidden
        packed = engine.PackedNetwork(
            sizes, hidden, self.objective.loss, self.params.dtype, columns=self.structure.columns
        )
        self.load_into(packed)
        return packed

    def trainer(self, **options: Any) -> engine.Trainer:
        """Return the engine's Trainer for this network and its objective, with the network's numbers in it.

        The options are the arguments of Trainer that structure and objective leave open.
        """
        structure, objective = self.structure, self.objective
        regularization = options.get("regularization")
        if regularization is not None and (regularization.rate_factors or regularization.decay_factors):
            parts = [f"{part.name}.{part.layer}" for part in structure.parts()]
            rates, decays = regularization.factors(parts)
            # A rule without a learning rate has no factors of it, not even those that are 1.
            options |= {"rate_factors": rates if regularization.rate_factors else (), "decay_factors": decays}
        trainer = engine.Trainer(
            structure.sizes,
            structure.hidden,
            objective.loss,
            self.params.dtype,
            columns=structure.columns,
            **objective.for_trainer,
            **options,
        )
        self.load_into(trainer)
        return trainer

    def predictor(self, form: str, n_jobs: int | None) -> Predictor:
        """Return a callable that gives the outputs, in one of a Predictor's forms, for plain arrays.

        Parameters
        ----------
        form : {"columns", "flat", "pair"}
            "columns" gives the outputs, shape (n_rows, n_outputs). For networks of a single output p, "flat" gives the
            outputs, shape (n_rows,), and "pair" the columns 1 - p and p.
        n_jobs : int or None
            The number of threads, as the estimators take it.

        Returns
        -------
        predictor : callable
            Takes a C-contiguous array of shape (n_rows, n_inputs) and of the parameters' type, which may have no rows,
            or EncodedColumns where the network looks columns up; raises ValueError for anything else. NaN and infinity
            go through.
        """
        team_size(n_jobs, 0.0)  # It refuses what is no number of threads.
        folded = self.folded()
        predictor = engine.Predictor(
            folded.structure.sizes,
            folded.structure.hidden,
            folded.objective.loss,
            folded.params.dtype,
            form=form,
            columns=folded.structure.columns,
            team_of=partial(prediction_team, n_jobs),
        )
        folded.load_into(predictor)
        return predictor

    def forward(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        n_threads: int = 1,
        *,
        linked: bool = True,
        keep: bool = False,
        training: bool = False,
        dropout: Sequence[float] = (),
        seed: int = 0,
    ) -> NDArray:
        """Return the outputs for all rows, shape (n_rows, n_outputs); kept, if asked for, to go back from them.

        A pass that is kept is what :meth:`backward` takes gradients of the outputs back through. A network keeps one at
        a time: the next takes its place, and its buffers where they fit. Python threads that keep passes at the same
        time need networks of their own.

        Parameters
        ----------
        X : Rows, array-like or sparse matrix of shape (n_rows, n_inputs)
            Of no rows, the outputs are none; a pass is kept of one row or more. A sparse matrix must stay as it is
            until the last :meth:`backward`. A network whose structure has columns takes
            :class:`fastmlp.inputs.columns.EncodedColumns` of that layout, and nothing else.
        n_threads : int, default=1
            At most 1024 are used, and in a process that was forked off another a single one.
        linked : bool, default=True
            Whether the outputs are those after the link (softmax, logistic, exp: what the loss tells) or before it. The
            gradients that :meth:`backward` takes are with respect to the same.
        keep : bool, default=False
            Whether the pass is kept. The outputs are the same then but for rounding.
        training : bool, default=False
            Only for a pass that is kept. Batch normalization takes the moments of these rows and not the running ones,
            and moves those in ``running`` a tenth of the way towards them, as in a fit.
        dropout : sequence of float, default=()
            Only for a pass that is kept. Rates of the inputs and of each hidden layer's outputs; () is no dropout.
        seed : int, default=0
            Of dropout: the same seed drops the same units.

        Raises
        ------
        ValueError
            For X of another shape, with what is no finite number, or sparse with indices that lie; for n_threads that
            is no positive integer; for training or dropout without keep.

        Examples
        --------
        >>> from fastmlp import Network
        >>> net = Network.create([3, 5, 2], random_state=0)
        >>> net.forward([[1, 2, 3]]).shape
        (1, 2)
        >>> outputs = net.forward([[1, 2, 3]], keep=True)
        >>> net.backward(2 * outputs).shape  # the gradient of the sum of the squared outputs
        (32,)
        >>> net.forward([[1, 2, 3, 4]])
        Traceback (most recent call last):
        ...
        ValueError: X has 4 features, but Network is expecting 3 features as input.
        """
        if keep:
            regularization = Regularization(dropout=dropout).validate()
            return self._forward_kept(
                X,
                n_threads,
                linked=linked,
                training=training,
                regularization=regularization,
                seed=checked_seed(seed),
            )
        if training or np.size(dropout):
            raise ValueError("training and dropout are for a pass that is kept: forward(X, keep=True, ...).")
        team = Team(threads_of(n_threads), judged=False)
        return forward_in_pieces(self.packed(), self._rows(X), None, team, linked=linked)

    @overload
    def activations(
        self, X: Rows | ArrayLike | scipy.sparse.sparray, n_threads: int = 1, *, layer: None = None
    ) -> list[NDArray]: ...
    @overload
    def activations(self, X: Rows | ArrayLike | scipy.sparse.sparray, n_threads: int = 1, *, layer: int) -> NDArray: ...

    def activations(
        self, X: Rows | ArrayLike | scipy.sparse.sparray, n_threads: int = 1, *, layer: int | None = None
    ) -> list[NDArray] | NDArray:
        """Return what each hidden layer gives the next one in a prediction, and last the outputs, one row per row of X.

        Parameters
        ----------
        X, n_threads
            As :meth:`forward` takes them.
        layer : int, default=None
            The one layer that is wanted, as an index into the list of all: 0 is the first hidden layer, -2 the last
            one, and -1 the outputs. The rows go no further than there.

        Returns
        -------
        activations : list of ndarray, or ndarray for one layer
            Of each layer but the input, shape (n_rows, n_units). The last is what :meth:`forward` returns, to the bit.

        Raises
        ------
        ValueError
            For a layer that there is not, and for what :meth:`forward` refuses.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.network import Network
        >>> net = Network.create([3, 5, 2], "tanh", random_state=0)
        >>> hidden, outputs = net.activations(np.ones((4, 3)))
        >>> hidden.shape, np.array_equal(outputs, net.forward(np.ones((4, 3))))
        ((4, 5), True)
        >>> np.array_equal(net.activations(np.ones((4, 3)), layer=0), hidden)
        True
        """
        rows, team, n_layers = self._rows(X), Team(threads_of(n_threads), judged=False), len(self.coefs)
        if layer is not None:
            number = whole_number(layer, "layer", least=None)
            if not -n_layers <= number < n_layers:
                raise ValueError(f"layer must be from {-n_layers} to {n_layers - 1}; got {number}.")
            return forward_in_pieces(self.packed(), rows, None, team, depth=number % n_layers + 1)
        hidden = [np.empty((rows.n_rows, width), self.params.dtype) for width in self.structure.sizes[1:-1]]
        return [*hidden, forward_in_pieces(self.packed(), rows, None, team, hidden=hidden)]

    def _rows(self, X: Any) -> Rows:
        """Return samples as the engine reads them."""
        rows = X if isinstance(X, Rows) else checked_rows(X, self.params.dtype)
        if rows.layout != self.structure.columns:
            raise ValueError(
                f"X must be {_described(self.structure.columns)}, as Network is expecting; got"
                f" {_described(rows.layout)}."
            )
        n_inputs = self.structure.sizes[0]
        if rows.n_features != n_inputs:
            raise ValueError(
                f"X has {rows.n_features} features, but Network is expecting {n_inputs} features as input."
            )
        return rows

    def _check_batch(self, n_rows: int, *, needs_moments: bool) -> None:
        """Refuse a batch of too few rows: of none, or of one where batch normalization needs moments of several."""
        if n_rows == 0:
            shape = (0, self.structure.sizes[0])
            raise ValueError(f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required.")
        if needs_moments and n_rows == 1 and any(layer.normalization == "batch" for layer in self.structure.hidden):
            raise ValueError("normalization='batch' needs 2 samples or more in a batch; got 1 sample.")

    def _samples(self, X: Any, targets: Any, weights: Any) -> tuple[Rows, NDArray | None, NDArray | None]:
        """Return samples to learn from as the engine takes them."""
        rows, dtype = self._rows(X), self.params.dtype
        n_rows = rows.n_rows
        self._check_batch(n_rows, needs_moments=True)
        if targets is not None:
            targets = self.objective.checked_targets(targets, (n_rows, self.structure.sizes[-1]), dtype)
        if weights is not None:
            weights = np.ascontiguousarray(real_array(weights, (n_rows,), np.float64, "weights"))
            if (weights < 0).any():
                raise ValueError(f"weights must be at least 0; got {weights.min()}.")
            if not weights.max() >= np.finfo(np.float64).tiny:  # The engine's arithmetic takes smaller ones for 0.
                raise ValueError(
                    "weights must not all be 0."
                    if not weights.any()
                    else f"weights must not all be next to 0; got at most {weights.max():.3g}: divide them by that."
                )
        return rows, targets, weights

    def loss_and_gradients(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        targets: ArrayLike | None,
        weights: ArrayLike | None = None,
        *,
        alpha: float = 0.0,
        n_threads: int = 1,
        **options: Any,
    ) -> tuple[float, NDArray]:
        """Return the mean loss over all rows with its L2 term, and the gradient in the layout of params.

        The L2 term is alpha / 2 times the sum of the squared weights, divided by the number of rows (or the sum of
        their weights). For squared_error the gradient lacks the mean over outputs: it is n_outputs times that of
        the loss. Batch normalization takes the rows' own moments, in which each counts as its weight says.

        Parameters
        ----------
        X : Rows, array-like or sparse matrix of shape (n_rows, n_inputs)
            The samples, as :meth:`forward` takes them, of at least one row.
        targets : array-like of shape (n_rows,) or (n_rows, n_outputs), or None
            For log_loss and focal these are class numbers, integers from 0 to n_outputs - 1, of the first shape; for
            the other losses numbers, for a single output in either shape. None means the rows of X themselves, which
            are read where they lie, as an autoencoder has them.
        weights : array-like of shape (n_rows,), default=None
            The weights of the samples, at least 0, not all of them 0.
        alpha : float, default=0.0
            The strength of the L2 term.
        n_threads : int, default=1
            The number of threads, as :meth:`forward` takes it.
        **options
            Further arguments of the engine's Trainer: ``regularization``, a :class:`fastmlp.network.Regularization`;
            ``seed`` of its dropout and noise; ``bfloat16``, ``split`` and ``isa``.

        Raises
        ------
        TypeError
            For an option that there is not.
        ValueError
            For input that cannot be used; it names the parameter and says what can.

        Examples
        --------
        >>> from fastmlp import Network
        >>> net = Network.create([2, 3], loss="log_loss", random_state=0)
        >>> net.loss_and_gradients([[1, 2], [3, 4]], [1, 2], n_threads=1)[1].shape
        (9,)
        >>> net.loss_and_gradients([[1, 2], [3, 4]], [1, 3])
        Traceback (most recent call last):
        ...
        ValueError: targets of the loss 'log_loss' must be class numbers from 0 to 2; got 3.
        """
        samples, options = self._samples(X, targets, weights), checked_options(alpha, options)
        return self.gradients(*samples, n_threads=threads_of(n_threads), **options)(self.params)

    def gradients(
        self,
        rows: Rows,
        targets: NDArray | None,
        weights: NDArray | None,
        *,
        alpha: float = 0.0,
        n_threads: int = 1,
        **options: Any,
    ) -> Gradients:
        """Return :meth:`loss_and_gradients` as a function of a vector of parameters, for many calls.

        The samples must be such as the engine reads; they are not checked. The function has the scaling of inputs that
        the network has now.
        """
        trainer = self.trainer(rule="gradient", max_batch=rows.n_rows, n_threads=n_threads, **options)
        return Gradients(trainer, rows, targets, weights, alpha)


def _described(layout: ColumnsLayout | None) -> str:
    return "rows of numbers" if layout is None else f"EncodedColumns of {layout!r}"


def _checked_vector(vector: Any, n_params: int, parameter: str) -> NDArray:
    """Return a vector, when parameters can be views of it."""
    got = type(vector).__name__
    if isinstance(vector, np.ndarray):
        plain = vector.flags.c_contiguous and vector.flags.aligned
        if plain and vector.dtype in (np.float32, np.float64) and vector.shape == (n_params,):
            return vector
        got = f"one of {vector.dtype}, of shape {vector.shape}{'' if plain else ', which is not contiguous'}"
    raise ValueError(
        f"{parameter} must be a contiguous array of float32 or float64, of shape ({n_params},); got {got}."
    )
