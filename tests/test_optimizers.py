"""Optimizers: trajectories of PyTorch, scikit-learn and the papers; fused rules; parameters; an optimizer at work."""

import ast
import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from fastmlp import engine
from fastmlp.components import Component
from fastmlp.inputs.rows import rows_of
from fastmlp.optimizers import (
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Descent,
    Fused,
    Lion,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
    Rprop,
    ScheduleFreeAdamW,
    from_estimator_parameters,
)
from fastmlp.optimizers.muon import orthogonal


class Line(Component):
    """From one number to another in 400 steps."""

    def __init__(self, start, end):
        self.start = start
        self.end = end

    def __call__(self, step):
        return self.start + (self.end - self.start) * np.minimum(step, 400) / 400


DECAY = Line(0.02, 0.002)

# Every class with every parameter that changes its rule, a rule's plainest form first.
VARIANTS = {
    SGD: [
        SGD(0.02, momentum=0.0, nesterov=False),
        SGD(0.02, nesterov=False),
        SGD(0.02),
        SGD(DECAY, momentum=Line(0.5, 0.9)),
        SGD(0.02, momentum=Line(0.9, 0.5), nesterov=False),
    ],
    Adagrad: [Adagrad(0.05), Adagrad(DECAY, epsilon=0.01)],
    Adadelta: [Adadelta(), Adadelta(DECAY, rho=0.5, epsilon=1e-3)],
    RMSprop: [
        RMSprop(0.005, centered=centered, momentum=momentum) for centered in (False, True) for momentum in (0.0, 0.5)
    ]
    + [RMSprop(DECAY, rho=0.9, epsilon=1e-3, momentum=Line(0.5, 0.9), centered=True)],
    Adam: [
        Adam(0.01),
        Adam(0.01, epsilon=1e-2),
        Adam(0.01, epsilon=1e-2, epsilon_hat=True),
        Adam(DECAY, beta_1=0.5, beta_2=0.9),
        Adam(0.01, amsgrad=True, epsilon=1e-2),
        Adam(0.01, amsgrad=True, epsilon=1e-2, epsilon_hat=True),
    ],
    AMSGrad: [AMSGrad(0.01), AMSGrad(DECAY, beta_1=0.5, beta_2=0.9, epsilon=1e-3)],
    Nadam: [Nadam(0.01), Nadam(DECAY, beta_1=0.5, beta_2=0.9, epsilon=1e-3, momentum_decay=0.1)],
    AdamW: [
        AdamW(0.01),
        AdamW(DECAY, beta_1=0.5, beta_2=0.9, epsilon=1e-3, weight_decay=Line(0.0, 0.5)),
        AdamW(0.01, weight_decay=0.3, amsgrad=True),
    ],
    Lion: [Lion(0.001, weight_decay=0.1), Lion(Line(0.002, 0.0), beta_1=0.5, beta_2=0.8, weight_decay=Line(0.5, 0.0))],
    Rprop: [Rprop(), Rprop(DECAY, eta_minus=0.7, eta_plus=1.1, step_min=1e-3, step_max=0.05)],
    Muon: [
        Muon(0.01),
        Muon(0.01, nesterov=False, ns_steps=3, epsilon=1.0, rest=SGD(0.1)),
        Muon(DECAY, momentum=Line(0.5, 0.9), weight_decay=Line(0.5, 0.0)),
    ],
    ScheduleFreeAdamW: [
        ScheduleFreeAdamW(0.01),
        ScheduleFreeAdamW(Line(0.0, 0.02), beta_1=0.8, beta_2=0.9, epsilon=1e-3, weight_decay=Line(0.1, 0.5)),
    ],
    LBFGS: [LBFGS(), LBFGS(max_iter=7, max_fun=9, tol=1e-8, memory=3)],
}
ALL = [variant for variants in VARIANTS.values() for variant in variants]
MINIBATCH = [variant for variant in ALL if isinstance(variant, Optimizer)]
FUSED = [variant for variant in MINIBATCH if variant.rule]
# One optimizer for each fused rule.
ORACLES = {variant.rule: variant for variant in reversed(FUSED)}

GOLDENS = dict(np.load(Path(__file__).parent / "goldens" / "optimizers.npz"))
GOLDEN_SHAPES = [(3, 4), (4,), (4, 2), (2,), (2, 2), (2,)]


def hyper_of(optimizer, first=0, n_steps=1):
    """The fused rule's numbers for these steps."""
    steps = np.arange(first, first + n_steps)
    return optimizer.hyper(steps, optimizer.rates(steps))


def slots_of(optimizer, params):
    """The fused rule's state before the first step."""
    return [slot for (slot,) in optimizer.init([params])["slots"]]


def test_every_optimizer_has_variants():
    assert list(VARIANTS) == list(OPTIMIZERS.values())
    assert all(name == cls.__name__.lower() for name, cls in OPTIMIZERS.items())
    assert {*ORACLES, "gradient"} == set(engine.RULES)


@pytest.mark.parametrize("cls", VARIANTS)
def test_every_parameter_varies(cls):
    for name in inspect.signature(cls).parameters:
        assert len({repr(getattr(variant, name)) for variant in VARIANTS[cls]}) > 1, name


@pytest.mark.parametrize("optimizer", FUSED, ids=repr)
def test_names_a_fused_rule_of_as_many_slots(optimizer):
    assert isinstance(optimizer, Fused)
    assert optimizer.n_slots == engine.RULE_SLOTS[optimizer.rule]


@pytest.mark.parametrize("optimizer", FUSED, ids=repr)
def test_state_is_shaped_like_the_parameters(optimizer, dtype):
    params = [np.ones((3, 2), dtype), np.ones(2, dtype)]
    state = optimizer.init(params)
    assert state["step"] == 0
    assert [[a.shape for a in slot] for slot in state["slots"]] == [[(3, 2), (2,)]] * optimizer.n_slots
    optimizer.step(params, [np.ones_like(p) for p in params], state)
    assert state["step"] == 1
    assert all(a.dtype == dtype for arrays in (params, *state["slots"]) for a in arrays)
    assert not any(np.may_share_memory(a, p) for slot in state["slots"] for a in slot for p in params)


# ---- the same steps as others ----------------------------------------------------------------------------------------


def parts(flat, shapes=GOLDEN_SHAPES):
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape).copy() for part, shape in zip(np.split(flat, ends), shapes, strict=True)]


def trajectory(optimizer, dtype=np.float64):
    """Parameters after the recorded steps."""
    params, rows = parts(GOLDENS["start"].astype(dtype)), []
    state = optimizer.init(params)
    for step, gradient in enumerate(GOLDENS["gradients"].astype(dtype), start=1):
        optimizer.step(params, parts(gradient), state)
        if step in GOLDENS["steps"]:
            rows.append(np.concatenate([p.ravel() for p in params]))
    return np.array(rows)


# PyTorch's classes as ours, and its names of parameters that differ.
OURS = {"NAdam": "nadam"}
RENAMED = {"lr": ["learning_rate"], "alpha": ["rho"], "betas": ["beta_1", "beta_2"], "eps": ["epsilon"],
           "etas": ["eta_minus", "eta_plus"], "step_sizes": ["step_min", "step_max"]}  # fmt: skip


def same_in_ours(name, parameters):
    cls = OPTIMIZERS[name.lower()]
    given = {"momentum": 0.0, "nesterov": False} if cls is SGD else {}
    for theirs, value in parameters.items():
        names = RENAMED.get(theirs, [theirs])
        given.update(zip(names, value if isinstance(value, tuple) else [value], strict=True))
    return cls(**given)


@pytest.mark.parametrize("index", range(len(GOLDENS["variants"])), ids=lambda i: str(GOLDENS["variants"][i]))
def test_trajectories_of_pytorch(index):
    optimizer = same_in_ours(*ast.literal_eval(str(GOLDENS["variants"][index]))).validate()
    expected = GOLDENS["trajectories"][index]
    np.testing.assert_allclose(trajectory(optimizer), expected, rtol=1e-10, atol=1e-12)


def test_everything_that_pytorch_has_is_recorded():
    recorded = {ast.literal_eval(str(variant))[0].lower() for variant in GOLDENS["variants"]}
    assert set(OPTIMIZERS) - recorded == {"amsgrad", "lion", "schedulefreeadamw", "lbfgs"}


def test_amsgrad_is_adam_with_amsgrad():
    same = {"learning_rate": 0.03, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}
    np.testing.assert_array_equal(trajectory(AMSGrad(**same)), trajectory(Adam(**same, amsgrad=True)))
    assert not np.array_equal(trajectory(AMSGrad(**same)), trajectory(Adam(**same)))


def test_muon_of_pytorch_in_bfloat16():
    """Its Newton-Schulz rounds to 8 bits: each step is right to about a percent of its size, 0.001 for most."""
    ours, theirs = trajectory(Muon(), np.float32), GOLDENS["muon_in_bfloat16"]
    moved = np.abs(theirs - GOLDENS["start"]).max(axis=1, keepdims=True)
    assert (np.abs(ours - theirs) < 0.02 * moved).all()


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True), (0.3, True)])
def test_sgd_of_sklearn(momentum, nesterov):
    params, ours = parts(GOLDENS["start"]), parts(GOLDENS["start"])
    theirs, sgd = (
        SGDOptimizer(params, 0.1, "constant", momentum, nesterov),
        SGD(0.1, momentum=momentum, nesterov=nesterov),
    )
    state = sgd.init(ours)
    for gradient in GOLDENS["gradients"].astype(np.float64):
        theirs.update_params(params, parts(gradient))
        sgd.step(ours, parts(gradient), state)
    for a, b in zip(ours, params, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("parameters", [{}, {"beta_1": 0.5, "beta_2": 0.9}, {"epsilon": 1e-2}], ids=str)
def test_adam_of_sklearn(parameters):
    params, ours = parts(GOLDENS["start"]), parts(GOLDENS["start"])
    theirs, adam = AdamOptimizer(params, 0.01, **parameters), Adam(0.01, **parameters, epsilon_hat=True)
    state = adam.init(ours)
    for gradient in GOLDENS["gradients"].astype(np.float64):
        theirs.update_params(params, parts(gradient))
        adam.step(ours, parts(gradient), state)
    for a, b in zip(ours, params, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    other = trajectory(Adam(0.01, **parameters))[-1]
    assert not np.allclose(np.concatenate([p.ravel() for p in ours]), other, rtol=1e-10)


def test_lion_of_the_paper():
    eta, beta_1, beta_2, decay = 0.01, 0.8, 0.95, 0.3
    w, m = GOLDENS["start"].copy(), 0.0
    for g in GOLDENS["gradients"].astype(np.float64):
        c = beta_1 * m + (1 - beta_1) * g
        w = w - eta * (np.sign(c) + decay * w)
        m = beta_2 * m + (1 - beta_2) * g
    ours = trajectory(Lion(eta, beta_1=beta_1, beta_2=beta_2, weight_decay=decay))[-1]
    np.testing.assert_allclose(ours, w, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("warm_up", [0, 30])
def test_schedule_free_of_the_paper(warm_up):
    gamma, beta_1, beta_2, epsilon, decay = 0.05, 0.7, 0.9, 1e-3, 0.2
    x = z = GOLDENS["start"].copy()
    v, squares = 0.0, 0.0
    params = [GOLDENS["start"].copy()]
    rate = (lambda step: gamma * np.minimum(1, (step + 1) / warm_up)) if warm_up else gamma
    free = ScheduleFreeAdamW(rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=decay)
    state = free.init(params)
    for t, g in enumerate(GOLDENS["gradients"].astype(np.float64), start=1):
        y = (1 - beta_1) * z + beta_1 * x
        np.testing.assert_allclose(params[0], y, rtol=1e-10, atol=1e-12)
        v = beta_2 * v + (1 - beta_2) * g**2
        gamma_t = gamma * np.sqrt(1 - beta_2**t) * (min(1, t / warm_up) if warm_up else 1)
        z = z - gamma_t * g / (np.sqrt(v) + epsilon) - gamma_t * decay * y
        squares += gamma_t**2
        c = gamma_t**2 / squares
        x = (1 - c) * x + c * z
        free.step(params, [g], state)
        np.testing.assert_allclose(free.evaluation_params(params, state)[0], x, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state["slots"][1][0], z, rtol=1e-10, atol=1e-12)


def test_orthogonal_matrices():
    rng = np.random.default_rng(0)
    for shape in [(5, 3), (3, 5), (4, 4), (1, 7)]:
        matrix = rng.standard_normal(shape)
        u, _, vt = np.linalg.svd(matrix, full_matrices=False)
        made = u.T @ orthogonal(matrix, 5, 1e-7) @ vt.T
        assert 0.6 < np.diag(made).min() <= np.diag(made).max() < 1.3
        np.testing.assert_allclose(made, np.diag(np.diag(made)), atol=1e-12)
    assert not orthogonal(np.zeros((2, 3)), 5, 1e-7).any()


def test_muon_takes_hidden_matrices_and_leaves_the_rest():
    """All matrices but the last; the other arrays move as the other optimizer has it."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4,), (4, 5), (5,), (5, 2), (2,)]
    for rest in (None, SGD(0.3)):
        params = [rng.standard_normal(shape) for shape in shapes]
        others = [params[i].copy() for i in (1, 3, 4, 5)]
        muon = Muon(0.1, rest=rest)
        other = AdamW(0.1) if rest is None else rest
        state, others_state = muon.init(params), other.init(others)
        for _ in range(3):
            grads = [rng.standard_normal(shape) for shape in shapes]
            muon.step(params, grads, state)
            other.step(others, [grads[i] for i in (1, 3, 4, 5)], others_state)
        assert state["step"] == 3
        assert [b.shape for b in state["slots"][0]] == [(3, 4), (4, 5)]
        for i, expected in zip((1, 3, 4, 5), others, strict=True):
            np.testing.assert_array_equal(params[i], expected)


def test_momentum_by_hand():
    for nesterov, expected in [(False, [-0.1, -0.25]), (True, [-0.15, -0.325])]:
        sgd, w = SGD(0.1, momentum=0.5, nesterov=nesterov), np.zeros(1)
        state = sgd.init([w])
        for value in expected:
            sgd.step([w], [np.ones(1)], state)
            np.testing.assert_allclose(w, value)


# Rates with which 3000 steps, the rate falling to zero, suffice.
RATES = {Adadelta: 30.0, Lion: 0.01, Muon: 0.05, Rprop: 0.1, Adagrad: 0.5, SGD: 0.02}


@pytest.mark.parametrize("cls", [cls for cls in VARIANTS if issubclass(cls, Optimizer)])
def test_minimises_a_quadratic(cls, dtype):
    rng, shapes = np.random.default_rng(0), [(3, 2), (2,), (2, 1)]
    curvatures, targets = ([rng.uniform(1, high, shape).astype(dtype) for shape in shapes] for high in (20, 3))
    rate = RATES.get(cls, 0.05)
    optimizer = cls(lambda step: rate * (1 - step / 3000))
    if "weight_decay" in optimizer.get_params():
        optimizer.set_params(weight_decay=0.0)
    if "rest" in optimizer.get_params():
        optimizer.set_params(rest=AdamW(optimizer.learning_rate, weight_decay=0.0))
    params = [np.zeros_like(t) for t in targets]
    state = optimizer.init(params)
    for _ in range(3000):
        optimizer.step(params, [c * (w - t) for c, w, t in zip(curvatures, params, targets, strict=True)], state)
    for w, target in zip(optimizer.evaluation_params(params, state), targets, strict=True):
        np.testing.assert_allclose(w, target, rtol=1e-3)
        assert w.dtype == dtype


# ---- the fused rules -------------------------------------------------------------------------------------------------

SIZES, N_ROWS, BATCH = (5, 17, 3), 40, 10


def trainer_of(rule, dtype, isa=None):
    """A network at work, and its parameters."""
    rng = np.random.default_rng(0)
    trainer = engine.Trainer(SIZES, "tanh", "log_loss", dtype, rule=rule, max_batch=BATCH, isa=isa)
    params = rng.uniform(-0.5, 0.5, trainer.n_params).astype(dtype)
    X, y = rng.standard_normal((N_ROWS, 5)).astype(dtype), rng.integers(3, size=N_ROWS).astype(np.int32)
    trainer.attach(rows_of(X, dtype), y)
    return trainer, params


def run(trainer, orders, hyper, step_count):
    trainer.begin(np.atleast_2d(orders), BATCH, 0.1, hyper, step_count)
    while not trainer.run():
        pass


@pytest.mark.parametrize("optimizer", FUSED, ids=repr)
def test_fused_rule_is_the_step_in_numpy(optimizer, dtype, isa):
    """300 steps on minibatches. Both take the gradient at the fused rule's weights, so that what is compared is
    rounding alone: some units in the last place at each step.
    """
    trainer, params = trainer_of(optimizer.rule, dtype, isa)
    of_gradients, _ = trainer_of("gradient", dtype, isa)
    trainer.load(params, slots_of(optimizer, params))
    expected, rng = params.copy(), np.random.default_rng(1)
    state, fused, gradient = optimizer.init([expected]), params.copy(), np.empty_like(params)
    for step in range(300):
        order = rng.permutation(N_ROWS)[:BATCH]
        of_gradients.load(fused)
        run(of_gradients, order, (), 0)
        of_gradients.store(None, [gradient])
        run(trainer, order, hyper_of(optimizer, step), step)
        optimizer.step([expected], [gradient], state)
        slots = [np.empty_like(params) for _ in range(optimizer.n_slots)]
        trainer.store(fused, slots)
    assert np.abs(expected - params).max() > 0.1
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype.name]
    for mine, theirs in zip([fused, *slots], [expected, *(slot for (slot,) in state["slots"])], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("optimizer", FUSED, ids=repr)
def test_a_run_of_many_updates_is_a_run_for_each(optimizer, dtype):
    """Each update has its own row of hyperparameters, or all have the only one."""
    orders, results = np.random.default_rng(1).permuted(np.tile(np.arange(N_ROWS), (3, 1)), axis=1), []
    for size in (N_ROWS, BATCH):
        trainer, params = trainer_of(optimizer.rule, dtype)
        trainer.load(params, slots_of(optimizer, params))
        descent, done = Descent(optimizer), 0
        for batch in orders.reshape(-1, 3 * N_ROWS // size, size) if size == N_ROWS else orders.reshape(-1, 1, size):
            n = batch.size // BATCH
            run(trainer, batch, descent.hyper(done, n), done)
            done += n
        results.append(np.empty_like(params))
        trainer.store(results[-1])
        assert trainer.updates_done() == done == 12
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("optimizer", FUSED, ids=repr)
def test_nan_in_the_gradient_reaches_the_weights(optimizer, dtype, isa):
    trainer = engine.Trainer((2, 3), "identity", "squared_error", dtype, rule=optimizer.rule, max_batch=4, isa=isa)
    params = np.random.default_rng(0).standard_normal(trainer.n_params).astype(dtype)
    X, y = np.ones((4, 2), dtype), np.zeros((4, 3), dtype)
    trainer.load(params, slots_of(optimizer, params))
    for spoilt in (False, True):
        y[0, 1] = np.nan if spoilt else 0
        trainer.attach(rows_of(X, dtype), y)
        trainer.begin(np.arange(4)[np.newaxis], 4, 0.0, hyper_of(optimizer, int(spoilt)), int(spoilt))
        while not trainer.run():
            pass
        after = np.empty_like(params)
        trainer.store(after)
        np.testing.assert_array_equal(np.isnan(after.reshape(3, 3)).any(axis=0), [False, spoilt, False])
    w, gradient = np.ones(2), np.array([np.nan, 1.0])
    with np.errstate(invalid="ignore"):
        optimizer.step([w], [gradient], optimizer.init([w]))
    np.testing.assert_array_equal(np.isnan(w), [True, False])


def test_gradients_over_their_roots(dtype, isa):
    """Of any size: Adagrad's first step at rate 1 from zero weights is -g / (sqrt(s + g^2) + epsilon).

    Where the engine estimates the root instead of taking it, too.
    """
    n, rng, size = 5000, np.random.default_rng(0), {"float32": 12, "float64": 140}[dtype.name]
    epsilon = 10.0 ** -(size + 10)
    y = (rng.choice([-1, 1], n) * 10 ** rng.uniform(-size, size, n)).astype(dtype)
    sums = (10 ** rng.uniform(-2 * size, 2 * size, 2 * n)).astype(dtype)
    y[:4], sums[:3] = [0, 0, 1, np.finfo(dtype).max / 1.1], [0, 1, np.inf]
    steps = []
    for rule, slot in (("gradient", np.zeros_like(sums)), ("adagrad", sums)):
        trainer = engine.Trainer((1, n), "identity", "squared_error", dtype, rule=rule, max_batch=1, isa=isa)
        trainer.load(np.zeros(2 * n, dtype), [slot])
        trainer.attach(rows_of(np.ones((1, 1), dtype), dtype), y[np.newaxis])
        trainer.begin(np.zeros((1, 1), np.int64), 1, 0.0, (1.0, epsilon)[: 2 * (rule == "adagrad")], 0)
        while not trainer.run():
            pass
        steps.append([np.empty(2 * n, dtype) for _ in range(2)])
        trainer.store(steps[-1][0], steps[-1][1:])
    (_, gradient), (weights, sums) = (np.array(step, np.longdouble) for step in steps)
    np.testing.assert_array_equal(np.flatnonzero(np.isinf(sums)), [2, 3, n + 3])
    exact = -gradient / (np.sqrt(sums) + np.longdouble(dtype.type(epsilon)))
    np.testing.assert_array_equal(weights == 0, exact == 0)
    unit = np.spacing(np.abs(exact.astype(dtype))).astype(np.longdouble)
    assert (np.abs(weights - exact) / unit).max() <= {"float32": 3, "float64": 2}[dtype.name]


@pytest.mark.parametrize("rule", ORACLES)
def test_zero_gradients_stay_finite(rule, dtype, isa):
    """Also with a number that would be denormal: it would count as zero."""
    optimizer = clone(ORACLES[rule])
    if "epsilon" in optimizer.get_params():
        optimizer.set_params(epsilon=np.finfo(dtype).tiny / 4)
    trainer = engine.Trainer((2, 3), "identity", "squared_error", dtype, rule=rule, max_batch=4, isa=isa)
    params = np.zeros(trainer.n_params, dtype)
    trainer.load(params, slots_of(optimizer, params))
    trainer.attach(rows_of(np.zeros((4, 2), dtype), dtype), np.zeros((4, 3), dtype))
    for step in range(2):
        trainer.begin(np.arange(4)[np.newaxis], 4, 0.1, hyper_of(optimizer, step), step)
        while not trainer.run():
            pass
    trainer.store(params)
    np.testing.assert_array_equal(params, 0)


# ---- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_copies_and_representations(optimizer):
    for copied in (clone(optimizer), pickle.loads(pickle.dumps(optimizer)), eval(repr(optimizer))):
        assert type(copied) is type(optimizer)
        assert repr(copied) == repr(optimizer)
        assert repr(copied.get_params(deep=False)) == repr(optimizer.get_params(deep=False))
    assert optimizer.validate() is optimizer


def test_defaults():
    """They are told apart from others, and they are valid."""
    for cls in VARIANTS:
        assert repr(cls()) == f"{cls.__name__}()"
        cls().validate()


BAD = {
    "learning_rate": [0, -1.0, np.inf, np.nan, "fast", None],
    "momentum": [-0.1, 1.1, None],
    "weight_decay": [-0.1, np.nan, None],
    "beta_1": [-0.1, 1.0],
    "beta_2": [-0.1, 1.0],
    "rho": [-0.1, 1.0],
    "epsilon": [0, -1e-8],
    "momentum_decay": [-1],
    "eta_minus": [0, 1],
    "eta_plus": [1],
    "step_min": [0],
    "step_max": [0],
    "ns_steps": [0, 1.5],
    "rest": ["adamw", LBFGS()],
    "max_iter": [0],
    "max_fun": [0],
    "tol": [-1],
    "memory": [0],
    **{flag: ["yes", None] for flag in ("nesterov", "centered", "amsgrad", "epsilon_hat")},
}


@pytest.mark.parametrize("cls", VARIANTS)
def test_bad_parameters_are_refused(cls):
    for name in inspect.signature(cls).parameters:
        for value in BAD[name]:
            with pytest.raises(
                ValueError, match=rf"The '{name}' parameter of {cls.__name__} must be .* Got .* instead"
            ):
                cls(**{name: value}).validate()


def test_bad_parameters_of_parts_are_refused():
    with pytest.raises(ValueError, match="The 'momentum' parameter of SGD"):
        Descent(Muon(rest=SGD(momentum=2.0)))
    with pytest.raises(ValueError, match="The 'beta_1' parameter of ScheduleFreeAdamW"):
        ScheduleFreeAdamW(beta_1=0).validate()  # x could not be had from y


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan, np.inf])
def test_schedules_give_numbers_that_a_parameter_may_be(value):
    def schedule(step):
        return np.where(step == 3, value, 0.1)

    with pytest.raises(
        ValueError, match=rf"The 'momentum' parameter of SGD must give .* Got {value} for step 3 instead"
    ):
        SGD(momentum=schedule).over("momentum", np.arange(5))


def test_schedules_that_take_one_step_at_a_time():
    steps = np.arange(4)
    np.testing.assert_array_equal(SGD(lambda step: 0.1 if step < 2 else 0.2).rates(steps), [0.1, 0.1, 0.2, 0.2])
    np.testing.assert_array_equal(SGD(lambda step: [0.4, 0.3, 0.2, 0.1][step]).rates(steps), [0.4, 0.3, 0.2, 0.1])
    np.testing.assert_array_equal(SGD(lambda step: 0.5).rates(steps), [0.5] * 4)


def test_steps_far_away():
    """Nadam's product of momenta, and the weights of the average, come without all steps before in memory."""
    nadam, steps = Nadam(beta_1=0.99), np.arange(500, 505)
    product = np.cumprod(0.99 * (1 - 0.5 * 0.96 ** (np.arange(1, 506) * 0.004)))[steps]
    mu = 0.99 * (1 - 0.5 * 0.96 ** ((steps + 1) * 0.004))
    of_g = nadam.rates(steps) * (1 - mu) / (1 - product) * np.sqrt(1 - 0.999 ** (steps + 1.0))
    np.testing.assert_allclose(hyper_of(nadam, 500, 5)[:, 1], of_g, rtol=1e-12)
    for optimizer in (nadam, ScheduleFreeAdamW()):
        np.testing.assert_allclose(hyper_of(optimizer, 10**12), hyper_of(optimizer, 10**12 + 1))
    same = ScheduleFreeAdamW(lambda step: 0.0025)
    np.testing.assert_allclose(hyper_of(same, 1000, 5), hyper_of(ScheduleFreeAdamW(), 1000, 5), rtol=1e-10)


def test_a_step_of_ones_own_is_not_passed_over():
    class Mine(Adam):
        def step(self, params, grads, state):
            params[0] -= 1

    class Renamed(Adam):
        pass

    assert (Adam().rule, Mine().rule, Renamed().rule) == ("adam", None, "adam")


# ---- what the estimators' parameters become --------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_estimators_parameters(name):
    theirs = {"learning_rate_init": 0.3, "momentum": 0.7, "nesterovs_momentum": False, "beta_1": 0.6, "beta_2": 0.8,
              "epsilon": 0.1, "max_iter": 3, "max_fun": 4, "tol": 0.2, "learning_rate": "constant"}  # fmt: skip
    adams = dict.fromkeys(("adam", "amsgrad", "adamw", "nadam", "schedulefreeadamw"), ("beta_1", "beta_2", "epsilon"))
    meant = {"sgd": ("momentum",), "lbfgs": ("max_iter", "max_fun", "tol"), **adams}
    ours = {"learning_rate": 0.3, **{parameter: theirs[parameter] for parameter in meant.get(name, ())}}
    if name == "sgd":
        ours["nesterov"] = False
    if name == "adam":
        ours["epsilon_hat"] = True
    made = from_estimator_parameters(name, theirs).validate()
    assert type(made) is OPTIMIZERS[name]
    default = type(made)().get_params()
    assert made.get_params() == {parameter: ours.get(parameter, value) for parameter, value in default.items()}


def test_estimators_names():
    with pytest.raises(ValueError, match=r"solver='adamm' is not known; known are 'adam', .*'adamw'"):
        from_estimator_parameters("adamm", {})


# ---- steps that cannot be made ---------------------------------------------------------------------------------------

WRONG_STEPS = {
    "fewer gradients": (lambda p, g, state: (p, g[:1], state), "grads must be arrays of the shapes of params"),
    "more gradients": (lambda p, g, state: (p, [*g, g[0]], state), "grads must be arrays of the shapes of params"),
    "one number": (
        lambda p, g, state: (p, [g[0], np.ones(1)], state),
        r"\[\(3, 2\), \(2,\)\]; got \[\(3, 2\), \(1,\)\]",
    ),
    "a number": (lambda p, g, state: (p, [g[0], 1.0], state), "got .*float"),
    "transposed": (lambda p, g, state: (p, [g[0].T, g[1]], state), r"got \[\(2, 3\), \(2,\)\]"),
    "a list": (lambda p, g, state: (p, [g[0], [1.0, 1.0]], state), "got .*list"),
    "no state": (lambda p, g, state: (p, g, None), r"state must be what init\(params\) returned; got None"),
    "an empty state": (lambda p, g, state: (p, g, {}), r"state must be what init\(params\) returned; got \{\}"),
    "integers": (
        lambda p, g, state: ([p[0].astype(int), p[1]], g, state),
        "params must be a list of arrays of a floating",
    ),
}


@pytest.mark.parametrize("kind", WRONG_STEPS)
@pytest.mark.parametrize("optimizer", MINIBATCH, ids=repr)
def test_a_step_that_can_not_be_leaves_everything_as_it_was(optimizer, kind):
    made, message = WRONG_STEPS[kind]
    params, grads = [np.ones((3, 2)), np.full(2, 2.0)], [np.ones((3, 2)), np.ones(2)]
    state = optimizer.init(params)
    before = copy.deepcopy((params, state))
    with pytest.raises(ValueError, match=message):
        optimizer.step(*made(params, grads, state))
    np.testing.assert_equal((params, state), before)


@pytest.mark.parametrize("optimizer", [rule for rule in MINIBATCH if rule.init([np.ones((3, 2))])["slots"]], ids=repr)
def test_the_state_of_other_parameters_is_refused(optimizer):
    state = optimizer.init([np.ones((2, 3)), np.ones(2)])
    with pytest.raises(ValueError, match=r"state must be what init\(params\) returned for params of the shapes"):
        optimizer.step([np.ones((3, 2)), np.ones(2)], [np.ones((3, 2)), np.ones(2)], state)


def test_parameters_that_can_not_be_written_to_are_refused():
    params = [np.ones(2)]
    params[0].flags.writeable = False
    with pytest.raises(ValueError, match="params must be a list of arrays of a floating type, which can be written to"):
        Adam().step(params, [np.ones(2)], Adam().init(params))
