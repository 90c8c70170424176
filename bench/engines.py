"""The engines that compare.py times: the same networks, minibatches and optimizer in each.

All train with adam at its defaults, learning rate 0.001, on rows in a new random order each epoch, and sum the loss.
What is timed for fastmlp and scikit-learn is a whole fit, its set-up included; for the others the epochs alone. The L2
term, alpha=0.0001 in fastmlp and scikit-learn, is left out in the others, which saves them work. Two classes are one
logistic output everywhere, more are a softmax.

An engine imports its library when it is made, so that each of them has a process of its own.
"""

import os
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from typing import ClassVar

import numpy as np

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-8


class Engine:
    """What an engine does.

    Parameters
    ----------
    dtype : str
        "float32" or "float64"; an engine with a dtype of its own computes in that.
    n_threads : int
    """

    name: str
    packages: tuple[str, ...]
    dtype: str | None = None

    def __init__(self, dtype, n_threads):
        self.dtype = self.dtype or dtype
        self.n_threads = n_threads

    @classmethod
    def versions(cls):
        """Return the versions of the packages it needs."""
        return {package: version(package) for package in cls.packages}

    def prepare(self, case):
        """Take the case as the one to train from now on, and do once what need not be timed."""
        raise NotImplementedError

    def reset(self):
        """Go back to new parameters and moments; not timed."""

    def train(self, epochs):
        """Train so many epochs."""
        raise NotImplementedError

    def predictions(self, model, X):
        """Return functions without arguments that compute the class probabilities of X, by name.

        model is a fitted fastmlp.MLPClassifier whose weights are to be used.
        """
        return {}


ENGINES: dict[str, type[Engine]] = {}


def register(engine):
    """Add an engine to ENGINES."""
    ENGINES[engine.name] = engine
    return engine


class _Estimator(Engine):
    """An engine with scikit-learn's interface."""

    settings: ClassVar = {}

    def _new(self, case, epochs):
        return self.estimator(
            case.sizes[1:-1], batch_size=case.batch, max_iter=epochs, n_iter_no_change=np.inf, tol=0, random_state=0,
            **self.settings,
        )  # fmt: skip

    def prepare(self, case):
        self.case, self.data = case, case.data(self.dtype)
        self.train(1)

    def train(self, epochs):
        self._new(self.case, epochs).fit(*self.data)


@register
class Fastmlp(_Estimator):
    name = "fastmlp"
    packages = ("numpy", "scipy")

    @classmethod
    def versions(cls):
        import fastmlp

        # Not from the package's metadata: a checkout on the path has none.
        return {"fastmlp": fastmlp.__version__, **super().versions()}

    def __init__(self, dtype, n_threads):
        super().__init__(dtype, n_threads)
        import fastmlp

        self.estimator = fastmlp.MLPClassifier

    def ceiling(self):
        """Operations per second of multiply-adds on all threads."""
        from fastmlp import engine

        return engine.fma_ceiling(self.dtype, n_threads=self.n_threads)

    def predictions(self, model, X):
        X = np.ascontiguousarray(X, dtype=self.dtype)
        functions = {"fastmlp": partial(model.predict_proba, X)}
        if hasattr(model, "predictor"):
            functions["fastmlp, predictor()"] = partial(model.predictor(), X)
        return functions


@register
class FastmlpBfloat16(Fastmlp):
    """With operands of products rounded to bfloat16."""

    name = "fastmlp-bfloat16"
    dtype = "float32"
    settings: ClassVar = {"dtype": "bfloat16"}

    def predictions(self, model, X):
        return {}  # they are those of float32


class _ScikitLearn(_Estimator):
    packages = ("scikit-learn", "numpy", "scipy")

    def __init__(self, dtype, n_threads):
        super().__init__(dtype, n_threads)
        import sklearn.neural_network

        self.estimator = sklearn.neural_network.MLPClassifier

    def predictions(self, model, X):
        X = np.ascontiguousarray(X, dtype=self.dtype)
        ours = self.estimator(model.hidden_layer_sizes, max_iter=1).fit(X[:1].repeat(2, axis=0), model.classes_)
        ours.coefs_ = [W.astype(self.dtype) for W in model.coefs_]
        ours.intercepts_ = [b.astype(self.dtype) for b in model.intercepts_]
        return {self.name: partial(ours.predict_proba, X)}


@register
class ScikitLearnSingle(_ScikitLearn):
    name = "sklearn-float32"
    dtype = "float32"


@register
class ScikitLearnDouble(_ScikitLearn):
    name = "sklearn-float64"
    dtype = "float64"


@register
class Torch(Engine):
    """Eager: nn.Sequential, the fused optimizer, minibatches by index from tensors in memory."""

    name = "torch"
    packages = ("torch",)

    def __init__(self, dtype, n_threads):
        super().__init__(dtype, n_threads)
        import torch

        torch.set_num_threads(n_threads)
        self.torch = torch
        self.functional = torch.nn.functional

    def _network(self, sizes):
        nn = self.torch.nn
        layers = [layer for n_in, n_out in pairwise(sizes) for layer in (nn.Linear(n_in, n_out), nn.ReLU())]
        return nn.Sequential(*layers[:-1]).to(getattr(self.torch, self.dtype))

    def _loss(self, z, targets):
        if z.shape[1] == 1:
            return self.functional.binary_cross_entropy_with_logits(z[:, 0], targets)
        return self.functional.cross_entropy(z, targets)

    def prepare(self, case):
        torch = self.torch
        torch.manual_seed(0)
        X, y = case.data(self.dtype)
        self.case, self.X = case, torch.from_numpy(X)
        self.y = torch.from_numpy(y.astype(self.dtype) if case.sizes[-1] == 2 else y)
        self.network = self._network(case.layers)
        self.initial = [p.detach().clone() for p in self.network.parameters()]
        self.reset()
        self.train(1)

    def reset(self):
        torch = self.torch
        with torch.no_grad():
            for p, initial in zip(self.network.parameters(), self.initial, strict=True):
                p.copy_(initial)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=LEARNING_RATE, betas=(BETA_1, BETA_2), eps=EPSILON, fused=True
        )

    def _forward(self, rows):
        return self.network(self.X[rows])

    def _step(self, rows):
        self.optimizer.zero_grad()
        loss = self._loss(self._forward(rows), self.y[rows])
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def train(self, epochs):
        for _ in range(epochs):
            total = 0
            for rows in self.torch.randperm(len(self.X)).split(self.case.batch):
                total += self._step(rows) * len(rows)

    def predictions(self, model, X):
        torch = self.torch
        network = self._network([model.coefs_[0].shape[0], *(W.shape[1] for W in model.coefs_)])
        with torch.no_grad():
            for layer, W, b in zip(network[::2], model.coefs_, model.intercepts_, strict=True):
                layer.weight.copy_(torch.from_numpy(W.T.copy()))
                layer.bias.copy_(torch.from_numpy(b.copy()))
        X = torch.from_numpy(np.ascontiguousarray(X, dtype=self.dtype))

        @torch.inference_mode()
        def probabilities():
            z = network(X)
            if z.shape[1] == 1:
                p = z.sigmoid()
                return torch.cat([1 - p, p], dim=1).numpy()
            return z.softmax(dim=1).numpy()

        return {self.name: probabilities}


@register
class TorchBfloat16(Torch):
    """Eager, under autocast: products in bfloat16, parameters and optimizer in float32."""

    name = "torch-bfloat16"
    dtype = "float32"

    def _forward(self, rows):
        with self.torch.autocast("cpu", dtype=self.torch.bfloat16):
            return super()._forward(rows).float()

    def predictions(self, model, X):
        return {}


@register
class TorchCompiled(Torch):
    """torch.compile of a whole step, which is one graph: forward, backward and adam in place on the parameters.

    That is faster than compiling the loss alone, or the step with loss.backward() and the library's optimizer.
    """

    name = "torch-compiled"

    def prepare(self, case):
        torch = self.torch
        torch._dynamo.reset()
        network_of = self._network(case.layers)
        names = [name for name, _ in network_of.named_parameters()]

        def loss_of(parameters, x, targets):
            named = dict(zip(names, parameters, strict=True))
            return self._loss(torch.func.functional_call(network_of, named, (x,)), targets)

        gradient_of = torch.func.grad_and_value(loss_of)

        # A size of its own for the last minibatch, where there is one, is compiled by itself: faster than one for all.
        @torch.compile(fullgraph=True, dynamic=False)
        def step(parameters, first_moments, second_moments, count, X, y, rows):
            gradients, loss = gradient_of(parameters, X[rows], y[rows])
            count += 1
            rate = LEARNING_RATE * torch.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
            for p, m, v, g in zip(parameters, first_moments, second_moments, gradients, strict=True):
                m.lerp_(g, 1 - BETA_1)
                v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
                p.sub_(rate * m / (v.sqrt() + EPSILON))
            return loss

        self.step = step
        super().prepare(case)

    def reset(self):
        self.parameters = [p.clone() for p in self.initial]
        self.first_moments, self.second_moments = ([self.torch.zeros_like(p) for p in self.initial] for _ in range(2))
        self.count = self.torch.zeros((), dtype=self.X.dtype)

    def _step(self, rows):
        with self.torch.no_grad():
            state = self.parameters, self.first_moments, self.second_moments, self.count
            return self.step(*state, self.X, self.y, rows)

    def predictions(self, model, X):
        return {}


@register
class Jax(Engine):
    """A whole epoch is one jitted call: a scan over the minibatches, with the state's buffers donated."""

    name = "jax"
    packages = ("jax", "jaxlib")

    def __init__(self, dtype, n_threads):
        super().__init__(dtype, n_threads)
        # Its thread pool is as large as the CPUs the process may use; there is no other setting.
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax

        jax.config.update("jax_enable_x64", dtype == "float64")
        self.jax = jax

    def _forward(self, layers, x):
        for i, (W, b) in enumerate(layers):
            x = x @ W + b
            if i < len(layers) - 1:
                x = self.jax.nn.relu(x)
        return x

    def _loss(self, layers, x, targets):
        jax, jnp = self.jax, self.jax.numpy
        z = self._forward(layers, x)
        if z.shape[1] == 1:
            return jnp.mean(jax.nn.softplus(z[:, 0]) - targets * z[:, 0])
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, targets[:, None], axis=1)[:, 0])

    def prepare(self, case):
        jax, jnp = self.jax, self.jax.numpy
        X, y = case.data(self.dtype)
        self.X, self.y = jnp.asarray(X), jnp.asarray(y.astype(self.dtype if case.sizes[-1] == 2 else np.int32))
        rng = np.random.default_rng(0)
        self.initial = [
            (rng.uniform(-1, 1, (n_in, n_out)).astype(self.dtype) / np.sqrt(n_in).astype(self.dtype), np.zeros(n_out))
            for n_in, n_out in pairwise(case.layers)
        ]

        def step(state, rows, X, y):
            layers, first, second, count = state
            batch = (a.at[rows].get(mode="promise_in_bounds", unique_indices=True) for a in (X, y))
            loss, gradients = jax.value_and_grad(self._loss)(layers, *batch)
            count += 1
            rate = LEARNING_RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
            first = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, first, gradients)
            second = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, second, gradients)
            layers = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), layers, first, second)
            return (layers, first, second, count), loss * len(rows)

        @partial(jax.jit, donate_argnums=0)
        def epoch(state, key, X, y):
            order = jax.random.permutation(key, len(X))
            whole = len(X) // case.batch * case.batch
            batches = order[:whole].reshape(-1, case.batch)
            state, losses = jax.lax.scan(lambda state, rows: step(state, rows, X, y), state, batches)
            total = losses.sum()
            if whole < len(X):
                state, last = step(state, order[whole:], X, y)
                total += last
            return state, total

        self.epoch = epoch
        self.reset()
        self.train(1)

    def reset(self):
        jax, jnp = self.jax, self.jax.numpy
        layers = [tuple(jnp.array(a, dtype=self.dtype) for a in layer) for layer in self.initial]
        moments = (jax.tree.map(jnp.zeros_like, layers) for _ in range(2))
        self.state = (layers, *moments, jnp.zeros((), dtype=self.dtype))
        self.key = jax.random.key(0)

    def train(self, epochs):
        for key in self.jax.random.split(self.key, epochs):
            self.state, total = self.epoch(self.state, key, self.X, self.y)
        total.block_until_ready()

    def predictions(self, model, X):
        jax, jnp = self.jax, self.jax.numpy
        pairs = zip(model.coefs_, model.intercepts_, strict=True)
        layers = [tuple(jnp.asarray(a, dtype=self.dtype) for a in layer) for layer in pairs]
        X = np.ascontiguousarray(X, dtype=self.dtype)

        @jax.jit
        def probabilities(layers, X):
            z = self._forward(layers, X)
            if z.shape[1] == 1:
                p = jax.nn.sigmoid(z)
                return jnp.concatenate([1 - p, p], axis=1)
            return jax.nn.softmax(z, axis=1)

        return {self.name: lambda: np.asarray(probabilities(layers, X))}


@register
class OnnxRuntime(Engine):
    """Prediction only, on a graph made from the fitted weights."""

    name = "onnxruntime"
    packages = ("onnxruntime", "onnx")

    def __init__(self, dtype, n_threads):
        super().__init__(dtype, n_threads)
        import onnx
        import onnxruntime

        self.onnx, self.runtime = onnx, onnxruntime

    def _graph(self, model):
        from onnx import helper, numpy_helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        nodes, constants, last = [], {}, len(model.coefs_) - 1
        for i, (W, b) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
            constants |= {f"W{i}": W.astype(self.dtype), f"b{i}": b.astype(self.dtype)}
            nodes.append(helper.make_node("Gemm", [f"a{i}", f"W{i}", f"b{i}"], [f"z{i}"]))
            if i < last:
                nodes.append(helper.make_node("Relu", [f"z{i}"], [f"a{i + 1}"]))
        if model.coefs_[-1].shape[1] == 1:
            constants["one"] = np.ones((), dtype=self.dtype)
            nodes += [
                helper.make_node("Sigmoid", [f"z{last}"], ["second"]),
                helper.make_node("Sub", ["one", "second"], ["first"]),
                helper.make_node("Concat", ["first", "second"], ["probabilities"], axis=1),
            ]
        else:
            nodes.append(helper.make_node("Softmax", [f"z{last}"], ["probabilities"], axis=1))
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("a0", kind, [None, len(model.coefs_[0])])],
            [helper.make_tensor_value_info("probabilities", kind, [None, len(model.classes_)])],
            [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
        )
        # A version of the operators that every runtime of the last years has.
        return helper.make_model_gen_version(graph, opset_imports=[helper.make_opsetid("", 17)])

    def predictions(self, model, X):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = self.n_threads
        session = self.runtime.InferenceSession(
            self._graph(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        X = np.ascontiguousarray(X, dtype=self.dtype)
        return {self.name: lambda: session.run(None, {"a0": X})[0]}
