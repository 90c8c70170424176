"""Gradients taken back through a network: what compositions, losses of one's own and sensitivities are made of.

A network that is one part of something larger gets the gradients of its outputs from the part behind it, and gives
those of its inputs to the part before it. The engine keeps a pass forward for that, and goes back on it as often as it
is asked to.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, Self, cast, overload

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from fastmlp import engine
from fastmlp.components import real_array, whole_number
from fastmlp.inputs.rows import Rows
from fastmlp.network.objective import Objective
from fastmlp.network.regularization import Regularization
from fastmlp.network.structure import Structure
from fastmlp.threads import threads_of

# Rows whose sensitivities are computed together keep about so many bytes of activations and gradients, which then stay
# in the second-level cache between the ways forward and back; there are so many rows at least for each thread.
_BLOCK_BYTES = 2**21
_LEAST_ROWS = 128

#: For each link a function of its outputs and their gradients, which returns the gradients of what the link was given;
#: all are of shape (n, n_outputs).
LINK_GRADIENTS: dict[str, Callable[[NDArray, NDArray], NDArray]] = {
    "identity": lambda outputs, gradients: gradients,
    "exp": lambda outputs, gradients: gradients * outputs,
    "logistic": lambda outputs, gradients: gradients * outputs * (1 - outputs),
    "softmax": lambda outputs, gradients: outputs * (gradients - (gradients * outputs).sum(axis=1, keepdims=True)),
}


class Pass:
    """A network's pass forward over rows, which is kept in the engine's buffers for ways back.

    Parameters
    ----------
    network : Composable
    max_rows : int
        Rows of the largest batch.
    n_threads : int
    training : bool, default=False
        Whether batch normalization takes the moments of the batch, and not the running ones.
    regularization : Regularization, default=None
        Its rates of dropout, which are the only part of it that counts here.
    """

    def __init__(
        self,
        network: Composable,
        max_rows: int,
        n_threads: int,
        *,
        training: bool = False,
        regularization: Regularization | None = None,
    ) -> None:
        self._link = network.objective.link
        self._outputs: NDArray | None = None
        self._engine = network.kept_pass(
            max_rows=max_rows, n_threads=n_threads, uses_running=not training, regularization=regularization
        )
        self.shape = (0, network.structure.sizes[-1])

    @property
    def max_rows(self) -> int:
        """Rows of the largest batch that the buffers have room for."""
        return self._engine.max_rows

    def load(self, network: Composable) -> None:
        """Take the network's numbers as they are now."""
        network.load_into(self._engine)

    def forward(self, rows: Rows, start: int, stop: int, *, linked: bool, seed: int = 0) -> NDArray:
        """Return the outputs of rows start to stop by the numbers that were loaded, after the link or before it."""
        outputs = self._engine.ahead(rows, start=start, stop=stop, linked=linked, seed=seed)
        self.shape = outputs.shape
        # The caller may write to what it gets, and the way back through a link needs the outputs as they were.
        self._outputs = outputs.copy() if linked and self._link != "identity" else None
        return outputs

    def backward(self, gradients: NDArray, params: NDArray | None, inputs: NDArray | None) -> None:
        """Take gradients of what forward() returned back, into arrays for those of the parameters and of the inputs."""
        if self._outputs is not None:
            gradients = LINK_GRADIENTS[self._link](self._outputs, gradients)
        self._engine.back(np.ascontiguousarray(gradients), params, inputs)

    def running(self, i: int) -> NDArray:
        """Return the running moments of hidden layer i as they are after the pass, shape (2, n_units)."""
        return self._engine.running(i)


class Composable(ABC):
    """The part of a network that goes back from given gradients, to parameters and to inputs."""

    structure: Structure
    objective: Objective
    params: NDArray
    running: list[NDArray | None]
    input_scales: NDArray | None

    @abstractmethod
    def load_into(self, packed: engine.PackedNetwork) -> None:
        """Hand everything to a packed network of this structure."""

    @abstractmethod
    def _rows(self, X: Any) -> Rows:
        """Return samples as the engine takes them, checked."""

    @abstractmethod
    def _check_batch(self, n_rows: int, *, needs_moments: bool) -> None:
        """Refuse a batch of too few rows."""

    def kept_pass(self, **options: Any) -> engine.KeptPass:
        """Return the engine's KeptPass for this network and its objective, with the network's numbers in it.

        The options are the arguments of KeptPass that structure and objective leave open.
        """
        structure, objective = self.structure, self.objective
        kept = engine.KeptPass(
            structure.sizes,
            structure.hidden,
            objective.loss,
            self.params.dtype,
            columns=structure.columns,
            loss_options=objective.options,
            output_weights=objective.output_weights,
            **options,
        )
        self.load_into(kept)
        return kept

    # The pass that is kept, and what it was made for.
    _pass: Pass | None = None
    _pass_key: tuple = ()

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold: everything but the pass that is kept."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_pass", "_pass_key")}

    def _forward_kept(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        n_threads: int,
        *,
        linked: bool,
        training: bool,
        regularization: Regularization,
        seed: int,
    ) -> NDArray:
        """Go forward for :meth:`backward`, in the buffers of the pass before where they fit."""
        kept, self._pass = self._pass, None  # a forward that fails keeps nothing
        rows = self._rows(X)
        self._check_batch(rows.n_rows, needs_moments=training)
        n_layers = len(self.structure.sizes) - 1
        if len(regularization.dropout) not in (0, n_layers):
            raise ValueError(
                f"dropout must have {n_layers} rates, of the inputs and of each hidden layer; got"
                f" {regularization.dropout!r}."
            )
        n_threads = threads_of(n_threads)
        is_scaled = self.input_scales is not None
        key = (n_threads, training, tuple(regularization.dropout), self.params.dtype, is_scaled)
        if kept is None or self._pass_key != key or rows.n_rows > kept.max_rows:
            kept = Pass(self, rows.n_rows, n_threads, training=training, regularization=regularization)
        kept.load(self)
        outputs = kept.forward(rows, 0, rows.n_rows, linked=linked, seed=seed)
        if training:
            self.running = [None if old is None else kept.running(i) for i, old in enumerate(self.running)]
        self._pass, self._pass_key = kept, key
        return outputs

    @overload
    def backward(
        self, output_gradients: ArrayLike, *, inputs: Literal[False] = False, params: Literal[True] = True
    ) -> NDArray: ...
    @overload
    def backward(
        self, output_gradients: ArrayLike, *, inputs: Literal[True], params: Literal[True] = True
    ) -> tuple[NDArray, NDArray]: ...
    @overload
    def backward(
        self, output_gradients: ArrayLike, *, inputs: Literal[True], params: Literal[False]
    ) -> tuple[None, NDArray]: ...

    def backward(
        self,
        output_gradients: ArrayLike,
        *,
        inputs: bool = False,
        params: bool = True,
    ) -> NDArray | tuple[NDArray | None, NDArray]:
        """Take gradients of the outputs back through the pass that ``forward(X, keep=True)`` has kept.

        The gradients are with respect to what that call returned: to the outputs after the link (probabilities, say),
        or before it when the call had ``linked=False``. They go through the parameters as they were then, any number of
        times. Nothing is averaged: where ``output_gradients`` holds the derivatives of a number L by the outputs, the
        result holds those of L by the parameters and, if asked for, by the inputs.

        Parameters
        ----------
        output_gradients : array-like of shape (n_rows, n_outputs)
            For a single output also of shape (n_rows,).
        inputs : bool, default=False
            Whether the gradients of the inputs are wanted, too. They cost one more product, with the first layer's
            weights.
        params : bool, default=True
            Whether the gradient of the parameters is wanted. Without it the way back costs half as much.

        Returns
        -------
        gradient : ndarray of shape (n_params,)
            In the layout of ``params``; ``named_parameters(gradient)`` gives its parts.
        input_gradients : ndarray of shape (n_rows, n_inputs)
            Only with ``inputs=True``, when the result is the pair (gradient, input_gradients); its first element is
            None with ``params=False``. They are the gradients with respect to X as it was given, before its scaling;
            dense for a sparse X as well.

        Raises
        ------
        RuntimeError
            Before ``forward(X, keep=True)``.
        ValueError
            For gradients of another shape than the outputs, or with what is no finite number; when nothing is wanted.

        Examples
        --------
        An encoder and a decoder, composed by hand:

        >>> import numpy as np
        >>> from fastmlp import Network
        >>> encoder = Network.create([4, 6, 2], "tanh", random_state=0)
        >>> decoder = Network.create([2, 6, 4], "tanh", random_state=1)
        >>> X = np.random.default_rng(0).standard_normal((10, 4))
        >>> code = encoder.forward(X, keep=True)
        >>> error = (decoder.forward(code, keep=True) - X) / len(X)
        >>> gradient_of_decoder, code_gradients = decoder.backward(error, inputs=True)
        >>> gradient_of_encoder = encoder.backward(code_gradients)
        >>> gradient_of_decoder.shape, code_gradients.shape, gradient_of_encoder.shape
        ((46,), (10, 2), (44,))
        >>> encoder.backward(code_gradients[:, :1])
        Traceback (most recent call last):
        ...
        ValueError: output_gradients must have shape (10, 2); got shape (10, 1).
        """
        kept = self._pass
        if kept is None:
            raise RuntimeError("backward needs a pass to go back on: call forward(X, keep=True) before it.")
        if inputs:
            self._refuse_codes("inputs=True")
        if not (inputs or params):
            raise ValueError("backward needs inputs=True or params=True, since it has nothing to return otherwise.")
        if kept.shape[1] == 1 and np.shape(output_gradients) == kept.shape[:1]:
            output_gradients = np.reshape(output_gradients, kept.shape)
        gradients = real_array(output_gradients, kept.shape, self.params.dtype, "output_gradients")
        gradient = np.empty_like(self.params) if params else None
        input_gradients = np.empty((kept.shape[0], self.structure.sizes[0]), self.params.dtype) if inputs else None
        kept.backward(gradients, gradient, input_gradients)
        if input_gradients is not None:
            return gradient, input_gradients
        assert gradient is not None
        return gradient

    def input_gradients(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        *,
        output: int | None = None,
        targets: ArrayLike | None = None,
        linked: bool = True,
        n_threads: int = 1,
    ) -> NDArray:
        """Return, for each row, the gradient of one of its outputs or of its loss with respect to its inputs.

        The loss is that of each row by itself, and not a mean over the rows: row i of the result does not depend on
        other rows, nor on how many there are. Batch normalization takes its running moments, and dropout is off.

        Parameters
        ----------
        X : Rows, array-like or sparse matrix of shape (n_rows, n_inputs)
            As ``forward`` takes it.
        output : int, default=None
            The number of an output, from 0 on. It may be left out for a network of a single output.
        targets : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Instead of an output: what the loss of the network is taken of, as for ``loss_and_gradients``, whose value
            for one row without an L2 term has this gradient.
        linked : bool, default=True
            Whether the output is meant after the link (a probability, say) or before it (a logit).
        n_threads : int, default=1

        Returns
        -------
        gradients : ndarray of shape (n_rows, n_inputs)
            With respect to X as it is given, before its scaling; dense for a sparse X as well.

        Raises
        ------
        ValueError
            For both an output and targets, or neither; and for input that cannot be used.

        Examples
        --------
        A step along the sign of the loss's gradient makes an adversarial example:

        >>> import numpy as np
        >>> from fastmlp import Network
        >>> net = Network.create([3, 8, 2], "tanh", "log_loss", random_state=0)
        >>> X, y = np.array([[0.5, -1.0, 2.0]]), [1]
        >>> adversary = X + 0.1 * np.sign(net.input_gradients(X, targets=y))
        >>> net.loss_and_gradients(adversary, y)[0] > net.loss_and_gradients(X, y)[0]
        True
        >>> net.input_gradients(X, output=0).shape
        (1, 3)
        >>> net.input_gradients(X)
        Traceback (most recent call last):
        ...
        ValueError: input_gradients needs either output, from 0 to 1, or targets.
        """
        self._refuse_codes("input_gradients")
        rows, n_outputs, dtype = self._rows(X), self.structure.sizes[-1], self.params.dtype
        if output is None and targets is None and n_outputs == 1:
            output = 0
        if (output is None) == (targets is None):
            raise ValueError(f"input_gradients needs either output, from 0 to {n_outputs - 1}, or targets.")
        given = None
        if targets is not None:
            given = self.objective.checked_targets(targets, (rows.n_rows, n_outputs), dtype)
        elif not 0 <= whole_number(output, "output", least=0) < n_outputs:
            raise ValueError(f"output must be from 0 to {n_outputs - 1}; got {output}.")
        found = np.empty((rows.n_rows, rows.n_features), dtype)
        kept, blocks = self._blocks(rows.n_rows, n_threads)
        for start, stop in blocks:
            outputs = kept.forward(rows, start, stop, linked=linked and given is None)
            if given is None:
                gradients = np.zeros_like(outputs)
                gradients[:, output] = 1
            else:
                gradients = self.objective.row_gradients(outputs, given[start:stop])
            kept.backward(gradients, None, found[start:stop])
        return found

    def jacobian(
        self,
        X: Rows | ArrayLike | scipy.sparse.sparray,
        *,
        linked: bool = True,
        n_threads: int = 1,
    ) -> NDArray:
        """Return, for each row, the derivatives of all outputs with respect to all inputs.

        It takes one way forward and one way back per output, a block of rows after the other, so that it needs little
        memory beside the result's. Batch normalization takes its running moments, and dropout is off.

        Parameters
        ----------
        X : Rows, array-like or sparse matrix of shape (n_rows, n_inputs)
            As ``forward`` takes it.
        linked : bool, default=True
            Whether the outputs are meant after the link (probabilities, say) or before it (logits).
        n_threads : int, default=1

        Returns
        -------
        jacobian : ndarray of shape (n_rows, n_outputs, n_inputs)
            Element [i, k, j] is the derivative of output k of row i with respect to X[i, j].

        Raises
        ------
        ValueError
            For input that cannot be used, as ``forward`` refuses it.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp import Network
        >>> net = Network.create([3, 5, 2], "tanh", random_state=0)
        >>> X = np.random.default_rng(0).standard_normal((4, 3))
        >>> jacobian = net.jacobian(X)
        >>> jacobian.shape
        (4, 2, 3)
        >>> np.array_equal(jacobian[:, 1], net.input_gradients(X, output=1))
        True
        """
        self._refuse_codes("jacobian")
        rows, n_outputs = self._rows(X), self.structure.sizes[-1]
        found = np.empty((rows.n_rows, n_outputs, rows.n_features), self.params.dtype)
        kept, blocks = self._blocks(rows.n_rows, n_threads)
        for start, stop in blocks:
            gradients = np.zeros_like(kept.forward(rows, start, stop, linked=linked))
            for k in range(n_outputs):
                gradients[:, k] = 1
                kept.backward(gradients, None, found[start:stop, k])
                gradients[:, k] = 0
        return found

    def layers_from(self, first: int) -> Self:
        """Return the network of the layers from one on, whose inputs are the outputs of the layer before.

        Parameters
        ----------
        first : int
            The number of its first layer, from 1 on; 0 would be the whole network.

        Returns
        -------
        network : Network
            With copies of the parameters, and the same objective.

        Raises
        ------
        ValueError
            For a layer that there is not.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp import Network
        >>> net, X = Network.create([4, 3, 2, 5], "tanh", random_state=0), np.ones((2, 4))
        >>> np.allclose(net.layers_from(1).forward(net.activations(X)[0]), net.forward(X))
        True
        """
        n_layers = len(self.structure.layers)
        if not 1 <= whole_number(first, "first") < n_layers:
            raise ValueError(f"first must be from 1 to {n_layers - 1}; got {first}.")
        structure = Structure(self.structure.layers[first:])
        rest: Self = cast(Any, type(self))(structure, objective=self.objective, dtype=self.params.dtype)
        views = {(part.name, part.layer): view for part, view in self.structure.views(self.params)}
        for part, view in rest.structure.views(rest.params):
            view[:] = views[part.name, part.layer + first]
        rest.running = [None if moments is None else moments.copy() for moments in self.running[first:]]
        return rest

    def _refuse_codes(self, what: str) -> None:
        """Refuse what needs gradients of inputs, where these are encoded columns."""
        if self.structure.columns is not None:
            twin = (
                " A network of dense layers with the same params, given EncodedColumns.dense(), has those of what they"
                " stand for."
            )
            if self.structure.layers[0].kind == "embeddings":  # Its params are fewer than those of a dense layer.
                twin = ""
            raise ValueError(
                f"{what} is for a network that reads numbers: the codes of encoded columns have no gradients.{twin}"
            )

    def _blocks(self, n_rows: int, n_threads: int) -> tuple[Pass, list[tuple[int, int]]]:
        """Return a pass, loaded, with room for a block of rows, and where blocks that make up n_rows begin and end."""
        n_threads = threads_of(n_threads)
        numbers = self.structure.sizes[0] + 3 * sum(self.structure.sizes[1:])
        block = _LEAST_ROWS * n_threads * math.ceil(_BLOCK_BYTES / (_LEAST_ROWS * self.params.itemsize * numbers))
        blocks = [(start, min(n_rows, start + block)) for start in range(0, n_rows, block)]
        kept = Pass(self, max(1, min(n_rows, block)), n_threads)
        kept.load(self)
        return kept, blocks
