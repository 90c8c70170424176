"""Rates against formulas and PyTorch's, hooks against an optimizer's learning rate, copies, bad input."""

import json
import math
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from fastmlp import schedules
from fastmlp.optimizers import SGD, Descent
from fastmlp.schedules import (
    SCHEDULES,
    Adaptive,
    Constant,
    CosineRestarts,
    CosLog4,
    Exponential,
    FlatCos,
    Function,
    InvScaling,
    Linear,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    Timed,
    WarmUp,
    as_schedule,
)
from tests.conftest import ROOT

GOLDENS = json.loads((ROOT / "tests" / "goldens" / "schedules.json").read_text())
N_STEPS, STEPS_PER_EPOCH = 60, 7


def case_id(case):
    return f"{case['torch']}-{case['params']}"


def bound(schedule):
    return schedule.bound(N_STEPS, STEPS_PER_EPOCH)


def made(name, **parameters):
    """A schedule that begins with, or reaches, the rate 0.1; WarmUp takes a schedule, or a rate, in its place."""
    return SCHEDULES[name](0.1, **parameters)


# ---- every schedule --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_contract(name):
    """Hooks may lower the learning rate, never the initial one, and end training sooner or later."""
    schedule = made(name)
    sgd = Descent(SGD(schedule.initial_rate))
    for seen in (100, 200):
        schedule.after_epoch(sgd, seen)
        assert 0 < sgd.learning_rate <= sgd.learning_rate_init == 0.1
    plateaus = 0
    while not (told := schedule.on_plateau(sgd))[0]:
        for _ in range(20):
            schedule.on_value(sgd, 1.0)
        plateaus += 1
        assert plateaus < 100
    assert told[1].endswith("Stopping.")
    assert 0 < sgd.learning_rate <= sgd.learning_rate_init == 0.1


@pytest.mark.parametrize("name", SCHEDULES)
def test_arrays_are_steps_one_by_one(name):
    schedule = bound(made(name))
    steps = np.arange(2 * N_STEPS)
    rates = schedule(steps)
    assert rates.dtype == np.float64
    assert rates.min() >= 0
    assert rates.max() <= 0.1 * (1 + 1e-15)
    for step in steps:
        alone = schedule(int(step))
        assert isinstance(alone, float)
        assert alone == rates[step]
    np.testing.assert_array_equal(schedule(steps.reshape(2, -1).astype(np.uint16)), rates.reshape(2, -1))
    assert schedule(np.arange(0)).shape == (0,)


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_varies(name):
    """A schedule varies over training, or its rate is the optimizer's."""
    schedule, at_work = bound(made(name, **({"every": 9} if name == "step_decay" else {}))), Descent(SGD(0.1))
    at_work.learning_rate = 0.025
    steps = np.arange(N_STEPS)
    if schedule.varies:
        assert len(np.unique(schedule(steps))) > 1
        expected = schedule(steps)
    else:
        assert (schedule(steps) == schedule.initial_rate).all()
        expected = np.full(N_STEPS, 0.025)
    if name != "warmup":
        np.testing.assert_array_equal(schedule.rate(steps, at_work), expected)
        assert schedule.rate(3, at_work) == expected[3]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(
    "copy", [clone, lambda schedule: pickle.loads(pickle.dumps(schedule)), lambda s: eval(repr(s), vars(schedules))]
)
def test_copies(name, copy):
    schedule = made(name)
    assert repr(copy(schedule)) == repr(schedule)
    np.testing.assert_array_equal(bound(copy(schedule))(range(N_STEPS)), bound(schedule)(range(N_STEPS)))


@pytest.mark.parametrize("name", SCHEDULES)
def test_use_leaves_the_users_object_alone(name):
    schedule = made(name)
    before = pickle.dumps(schedule)
    copied = bound(schedule)
    at_work = Descent(SGD(0.1))
    for value in (2.0, 2.0, 1.0):
        copied(range(9))
        copied.after_epoch(at_work, 10)
        copied.on_value(at_work, value)
        copied.on_plateau(at_work)
    assert pickle.dumps(schedule) == before
    assert bound(copied).get_params(deep=False).keys() == schedule.get_params(deep=False).keys()


@pytest.mark.parametrize("name", [name for name in SCHEDULES if "per" in SCHEDULES[name]().get_params()])
def test_per_epoch(name):
    """A rate per epoch, which is the rate per step of a training with as many steps as this one has epochs."""
    parameters = {"every": 3} if name == "step_decay" else {}
    schedule = made(name, per="epoch", **parameters)
    with pytest.raises(ValueError, match=r"per='epoch'.*\) (counts epochs|does not know).*call bound\(n_steps, st"):
        schedule(0)
    rates = bound(schedule)(range(N_STEPS))
    n_epochs = math.ceil(N_STEPS / STEPS_PER_EPOCH)
    by_step = made(name, **parameters).bound(n_epochs, 1)
    if name == "warmup":  # rises within epochs
        np.testing.assert_allclose(rates[::STEPS_PER_EPOCH], by_step(range(n_epochs)), rtol=1e-15)
        assert (np.diff(rates)[: 5 * STEPS_PER_EPOCH] > 0).all()
    else:
        expected = np.repeat(by_step(range(n_epochs)), STEPS_PER_EPOCH)
        np.testing.assert_array_equal(rates, expected[:N_STEPS])


@pytest.mark.parametrize("name", [name for name in SCHEDULES if issubclass(SCHEDULES[name], Timed)])
def test_lengths(name):
    """The whole fit, or as many steps as are given; afterwards the rate stays."""
    schedule = made(name)
    with pytest.raises(
        ValueError, match=rf"{type(schedule).__name__}\(.*does not know how long training is: give it n_st"
    ):
        schedule(0)
    whole = bound(schedule)
    assert whole.n_steps == N_STEPS
    given = bound(made(name, n_steps=N_STEPS))
    steps = np.arange(3 * N_STEPS)
    np.testing.assert_array_equal(whole(steps), given(steps))
    np.testing.assert_array_equal(made(name, n_steps=N_STEPS)(steps), given(steps))
    assert len(np.unique(whole(steps[N_STEPS:]))) == 1
    assert bound(made(name, n_steps=7)).n_steps == 7
    assert bound(made(name, n_steps=7, per="epoch")).n_steps == 7


# ---- PyTorch's -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOLDENS["by_step"], ids=case_id)
def test_rates_of_pytorch(case):
    parameters = case["params"]
    if case["name"] != "warmup":
        parameters = {"learning_rate": GOLDENS["rate"], **parameters}
    rates = SCHEDULES[case["name"]](**parameters).validate()(range(len(case["rates"])))
    # Half a last place of the first rate: a low rate that PyTorch has as a difference of high ones is no better.
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-12, atol=np.spacing(GOLDENS["rate"]) / 2)


@pytest.mark.parametrize("case", GOLDENS["by_value"], ids=lambda case: str(case["params"]))
def test_plateaus_of_pytorch(case):
    schedule = ReduceOnPlateau(**case["params"]).validate()
    at_work = SimpleNamespace(learning_rate=GOLDENS["rate"], learning_rate_init=GOLDENS["rate"])
    rates = []
    for value in GOLDENS["values"]:
        value = math.nan if value is None else value
        schedule.on_value(at_work, 10.0 - value if case["maximize"] else value, maximize=case["maximize"])
        rates.append(at_work.learning_rate)
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-12, atol=0)
    assert len(set(rates)) > 1


# ---- one by one ------------------------------------------------------------------------------------------------------


def test_invscaling():
    sgd = Descent(SGD(0.8))
    InvScaling(power_t=2).after_epoch(sgd, 1)
    assert sgd.learning_rate == 0.2
    InvScaling(power_t=0).after_epoch(sgd, 1000)
    assert sgd.learning_rate == 0.8


def test_adaptive_goes_down_to_a_millionth():
    sgd = Descent(SGD(0.001))
    said = []
    while not (told := Adaptive().on_plateau(sgd))[0]:
        said.append(told[1])
    assert said[:2] == ["Setting learning rate to 0.000200", "Setting learning rate to 0.000040"]
    assert told == (True, "Learning rate too small. Stopping.")
    assert 2e-7 < sgd.learning_rate <= 1e-6


def test_reduce_on_plateau_goes_on_until_it_cannot():
    sgd, schedule = Descent(SGD(0.1)), ReduceOnPlateau(patience=0, min_rate=0.01)
    assert schedule.on_plateau(sgd) == (False, "Going on with learning rate 0.100000")
    for _ in range(3):
        schedule.on_value(sgd, 1.0)
    assert sgd.learning_rate == pytest.approx(0.01, rel=1e-15)
    assert schedule.on_plateau(sgd) == (True, "Learning rate too small. Stopping.")


def test_counts_stand_on_the_optimizer():
    """One object for two fits; a copy of the optimizer goes its own way."""
    schedule, first, second = ReduceOnPlateau(patience=1), Descent(SGD(0.1)), Descent(SGD(0.1))
    for optimizer, values in ((first, (1.0, 1.0)), (second, (2.0, 1.5))):
        for value in values:
            schedule.on_value(optimizer, value)
    state = first.schedule_state
    schedule.on_value(first, 1.0)
    schedule.on_value(second, 1.5)
    assert (first.learning_rate, second.learning_rate) == (pytest.approx(0.01), 0.1)
    assert state == (1.0, 1, 0)


def test_coslog4():
    n = 50
    rates = CosLog4(0.2, n)(range(n + 1))
    for step, rate in enumerate(rates):
        assert rate == pytest.approx(
            0.2 * (0.5 - 0.5 * math.cos(2 * math.pi * math.log2(1 + 15 * step / n))), abs=1e-15
        )
    crests = [(math.sqrt(2) * 2**k - 1) / 15 for k in range(4)]
    peaks = CosLog4(0.2, 15_000_000)([round(crest * 15_000_000) for crest in crests])
    np.testing.assert_allclose(peaks, 0.2, rtol=1e-10)


def test_flat_cos():
    rates = FlatCos(0.2, 80, flat=0.25, final_div_factor=10.0)(range(81))
    for step, rate in enumerate(rates):
        t = max(step - 20, 0) / 60
        assert rate == pytest.approx(0.02 + 0.18 * (1 + math.cos(math.pi * t)) / 2, rel=1e-14)
    assert (rates[:21] == 0.2).all()
    assert FlatCos(0.2, 80)(60) == 0.2 > FlatCos(0.2, 80)(61)
    assert FlatCos(0.2, 80)(80) == pytest.approx(2e-6, rel=1e-12)


def test_rates_may_rise():
    np.testing.assert_allclose(Linear(0.1, 4, final_rate=0.5)(range(5)), [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-15)


def test_restarts_with_periods_that_are_not_whole():
    schedule = CosineRestarts(1.0, 3, multiplier=1.5)
    starts, period = [0.0], 3.0
    while starts[-1] < 200:
        starts.append(starts[-1] + period)
        period *= 1.5
    for step in range(200):
        k = max(i for i, start in enumerate(starts) if start <= step)
        t = (step - starts[k]) / (starts[k + 1] - starts[k])
        assert schedule(step) == pytest.approx((1 + math.cos(math.pi * t)) / 2, abs=1e-14)


@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("pct_start", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_of_a_few_steps(n_steps, pct_start, three_phase):
    if three_phase and pct_start > 0.5:
        pct_start = 1 / n_steps if n_steps > 1 else 0.5
    rates = OneCycle(1.0, n_steps, pct_start=pct_start, three_phase=three_phase).validate()(range(5))
    assert np.isfinite(rates).all()
    assert rates.min() >= 1.0 / 25 / 1e4 * (1 - 1e-12)
    assert rates.max() <= 1.0


def test_schedules_far_out():
    """Long after training, nothing overflows and nothing is slow to look up."""
    for name in SCHEDULES:
        assert 0 <= bound(made(name))(10**12) <= 0.1


# ---- warm-up ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_warmup_goes_before_any_schedule(name):
    inner = made(name)
    warm = bound(WarmUp(inner, 10, start_factor=0.25))
    after = inner.bound(N_STEPS - 10, STEPS_PER_EPOCH)
    first = after(0)
    np.testing.assert_allclose(warm(range(10)), [first * (0.25 + 0.075 * step) for step in range(10)], rtol=1e-14)
    np.testing.assert_array_equal(warm(range(10, 100)), after(range(90)))
    assert (warm.every_epoch, warm.initial_rate) == (inner.every_epoch, inner.initial_rate)


@pytest.mark.parametrize("name", SCHEDULES)
def test_hooks_reach_the_schedule_behind_a_warmup(name):
    inner = made(name)
    warm, one, other = WarmUp(inner, 10), Descent(SGD(0.1)), Descent(SGD(0.1))
    for epoch in range(30):
        for schedule, at_work in ((warm, one), (inner, other)):
            schedule.after_epoch(at_work, 100 * epoch)
            schedule.on_value(at_work, 1.0)
        assert warm.on_plateau(one) == inner.on_plateau(other)
        assert one.learning_rate == other.learning_rate
    steps = np.arange(20)
    after = bound(inner) if not inner.varies else inner.bound(N_STEPS - 10, STEPS_PER_EPOCH)
    expected = np.minimum(1 / 3 + 2 / 3 * steps / 10, 1) * after.rate(np.maximum(steps - 10, 0), other)
    np.testing.assert_allclose(bound(warm).rate(steps, one), expected, rtol=1e-14)


def test_warmup_before_a_callable_and_a_number():
    np.testing.assert_allclose(WarmUp(lambda step: 1.0 / (1 + step), 2, start_factor=0)(range(4)), [0, 0.5, 1, 0.5])
    np.testing.assert_allclose(bound(WarmUp(2, 2, start_factor=0))(range(4)), [0, 1, 2, 2])


def test_warmup_longer_than_training():
    rates = WarmUp(Linear(0.1), 100).bound(10, 5)(range(10))
    assert (np.diff(rates) > 0).all()


def test_parameters_of_the_schedule_behind_a_warmup():
    warm = WarmUp(Linear(0.1), 3).set_params(schedule__final_rate=0.05)
    assert warm.schedule.final_rate == 0.05
    assert repr(warm) == "WarmUp(n_warmup_steps=3, schedule=Linear(final_rate=0.05, learning_rate=0.1))"


# ---- what users give -------------------------------------------------------------------------------------------------


def test_as_schedule():
    schedule = Linear(0.1)
    assert as_schedule(schedule) is schedule
    assert repr(as_schedule(np.float32(0.5))) == "Constant(learning_rate=0.5)"
    asked = []
    given = as_schedule(lambda step: asked.append(step) or 0.5)
    np.testing.assert_array_equal(given(np.arange(4).reshape(2, 2)), np.full((2, 2), 0.5))
    assert asked == [0, 1, 2, 3]
    assert {type(step) for step in asked} == {int}
    assert (given.varies, given.initial_rate) == (True, 0.5)
    for bad in ("linear", None, Linear, [0.1]):
        with pytest.raises(TypeError, match="must be a number, a Schedule or a callable"):
            as_schedule(bad)


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf, None, "fast", [1.0, 2.0]], ids=str)
def test_bad_rates_of_a_callable(bad):
    with pytest.raises(ValueError, match=r"The schedule <function .* gave .* at step 3; it must give finite numbers"):
        Function(lambda step: bad if step == 3 else 0.1)(range(9))


@pytest.mark.parametrize("step", [-1, 0.5, [0, -2], [1.0], "1", None, [[1], [1, 2]]], ids=str)
@pytest.mark.parametrize("schedule", [Constant(), Exponential(), Function(float), WarmUp()], ids=str)
def test_bad_steps(schedule, step):
    with pytest.raises(ValueError, match=r"step must be an int or an array of ints, 0 or more; got"):
        schedule(step)
    with pytest.raises(ValueError, match=r"step must be an int or an array of ints, 0 or more; got"):
        schedule.rate(step, Descent(SGD(0.1)))


@pytest.mark.parametrize(
    "bad",
    [
        *(SCHEDULES[name](value) for name in SCHEDULES for value in (-0.1, math.nan, math.inf, "0.1", None)),
        InvScaling(power_t=-1),
        ReduceOnPlateau(factor=1.0),
        ReduceOnPlateau(patience=-1),
        ReduceOnPlateau(threshold=-0.1),
        ReduceOnPlateau(threshold_mode="relative"),
        ReduceOnPlateau(cooldown=0.5),
        ReduceOnPlateau(min_rate=-1),
        ReduceOnPlateau(min_change=-1),
        StepDecay(every=0),
        StepDecay(factor=1.5),
        StepDecay(milestones=5),
        StepDecay(milestones=[1, -1]),
        StepDecay(milestones=[[1], [2, 3]]),
        StepDecay(milestones=[[1, 2]]),
        StepDecay(milestones=[1.5]),
        Exponential(factor=0),
        Exponential(per="batch"),
        Linear(n_steps=0),
        Linear(final_rate=-1),
        Polynomial(power=0),
        CosineRestarts(first_period=0),
        CosineRestarts(multiplier=0.5),
        OneCycle(pct_start=1.5),
        OneCycle(pct_start=0.6, three_phase=True),
        OneCycle(anneal_strategy="cosine"),
        OneCycle(div_factor=0),
        OneCycle(final_div_factor=0),
        FlatCos(flat=1),
        WarmUp(n_warmup_steps=0),
        WarmUp(start_factor=2),
        WarmUp(Linear(n_steps=0)),
        Function(0.1),
    ],
    ids=repr,
)
def test_bad_parameters(bad):
    with pytest.raises(ValueError, match=r"The '\w+' parameter of \w+ must be .* Got .* instead"):
        bad.bound(N_STEPS, STEPS_PER_EPOCH)


@pytest.mark.parametrize("lengths", [(0, 1), (1, 0)])
def test_bad_lengths(lengths):
    with pytest.raises(ValueError, match=r"must be 1 or more; got 0"):
        Linear().bound(*lengths)


def test_registry_has_every_schedule():
    def below(parent):
        return {parent, *(child for c in parent.__subclasses__() for child in below(c))}

    ours = {c for c in below(Schedule) if c.__module__.startswith("fastmlp.schedules.")}
    finished = {c for c in ours if not c.__name__.startswith("_")}
    kinds = {c for c in finished if "Examples" in c.__doc__ and c not in SCHEDULES.values()}
    assert {c.__name__ for c in kinds} == {"Schedule", "Paced", "Timed", "Function"}


@pytest.mark.parametrize("start_factor", [0.0, 1 / 3])
def test_a_warmup_leaves_the_rate_of_the_schedule_behind_it(start_factor):
    """At work in an optimizer: what the hooks make of the rate counts from that schedule's own."""
    warm = Descent(SGD(WarmUp(InvScaling(0.1), 3, start_factor=start_factor)))
    alone = Descent(SGD(InvScaling(0.1)))
    np.testing.assert_allclose(warm.hyper(0, 3)[:, 0], 0.1 * (start_factor + (1 - start_factor) * np.arange(3) / 3))
    for n_samples in (30, 60):
        warm.after_epoch(n_samples)
        alone.after_epoch(n_samples)
    np.testing.assert_allclose(warm.hyper(6, 2)[:, 0], alone.hyper(6, 1)[0, 0])
    assert warm.learning_rate == alone.learning_rate == pytest.approx(0.1 / 61**0.5)


def test_hooks_that_a_class_of_ones_own_defines_are_known_without_a_word():
    """They are found out when the class is made: in the class, in a schedule it is derived from, and beside it."""

    class Lowering:
        def on_plateau(self, at_work):
            return False, "lower"

    class Watching(Linear):
        def on_value(self, at_work, value, *, maximize=False):
            pass

    class Both(Lowering, Watching):
        pass

    class Halved(InvScaling):
        def rate(self, step, at_work):
            return super().rate(step, at_work) / 2

    class Alone(WarmUp):
        pass

    assert [c.hooks for c in (Linear, Watching, Both)] == [set(), {"on_value"}, {"on_plateau", "on_value"}]
    assert [c().every_epoch for c in (Linear, Watching, Adaptive, Halved, Alone)] == [False, True, False, True, False]
    assert Alone(InvScaling()).every_epoch
    assert [c.follows_hooks for c in (Linear, Both, Constant, Halved, Alone)] == [False, False, True, True, True]


# ---- where a schedule ends -------------------------------------------------------------------------------------------

WITH_A_LENGTH = [name for name, cls in SCHEDULES.items() if issubclass(cls, Timed)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_stay_from_the_end_on(name):
    bound = SCHEDULES[name](0.5).bound(n_steps=24, steps_per_epoch=4)
    assert bound.end == (24 if name in WITH_A_LENGTH else None)
    if bound.end is not None:
        assert len(set(bound(range(24, 60)))) == 1


@pytest.mark.parametrize("name", WITH_A_LENGTH)
def test_bound_anew_it_is_as_if_it_had_been_so_from_the_beginning(name):
    for schedule in (SCHEDULES[name](0.5), SCHEDULES[name](0.5, per="epoch"), WarmUp(SCHEDULES[name](0.5), 3)):
        assert schedule.end is None
        bound = schedule.bound(24, 4)
        anew, directly = bound.unbound().bound(36, 4), schedule.bound(36, 4)
        assert (bound.end, anew.end, directly.end) == (24, 36, 36)
        np.testing.assert_array_equal(anew(range(40)), directly(range(40)))
    given = SCHEDULES[name](0.5, 10).bound(24, 4)
    assert given.unbound().bound(36, 4).end == given.end == 10
    by_epoch = SCHEDULES[name](0.5, 2, per="epoch")
    assert by_epoch.end is None  # as long as the epochs' length is not known
    assert by_epoch.bound(24, 4).end == 8
    assert WarmUp(SCHEDULES[name](0.5, 6), 1, per="epoch").bound(24, 4).end == 10
