"""Write schedules.json, PyTorch's learning rates step by step, beside this file: python tests/goldens/schedules.py.

Where PyTorch has a closed form, that is what stands there: its other form multiplies from step to step and adds up
rounding errors.
"""

import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler

RATE, N_STEPS = 0.3, 40

# Our name and parameters, PyTorch's class and its own.
BY_STEP = [
    ("step_decay", {"every": 7, "factor": 0.3}, "StepLR", {"step_size": 7, "gamma": 0.3}),
    (
        "step_decay",
        {"milestones": [3, 17, 17, 30], "factor": 0.5},
        "MultiStepLR",
        {"milestones": [3, 17, 17, 30], "gamma": 0.5},
    ),
    ("exponential", {"factor": 0.9}, "ExponentialLR", {"gamma": 0.9}),
    ("polynomial", {"n_steps": 33, "power": 1.7}, "PolynomialLR", {"total_iters": 33, "power": 1.7}),
    ("polynomial", {"n_steps": 33}, "PolynomialLR", {"total_iters": 33}),
    (
        "linear",
        {"n_steps": 33, "final_rate": RATE / 8},
        "LinearLR",
        {"start_factor": 1.0, "end_factor": 0.125, "total_iters": 33},
    ),
    ("warmup", {"schedule": RATE, "n_warmup_steps": 9}, "LinearLR", {"total_iters": 9}),
    ("warmup", {"schedule": RATE}, "LinearLR", {}),
    ("cosine", {"n_steps": N_STEPS}, "CosineAnnealingLR", {"T_max": N_STEPS}),
    ("cosine", {"n_steps": N_STEPS, "final_rate": 0.01}, "CosineAnnealingLR", {"T_max": N_STEPS, "eta_min": 0.01}),
    ("cosine_restarts", {"first_period": 6}, "CosineAnnealingWarmRestarts", {"T_0": 6}),
    (
        "cosine_restarts",
        {"first_period": 3, "multiplier": 2, "final_rate": 0.01},
        "CosineAnnealingWarmRestarts",
        {"T_0": 3, "T_mult": 2, "eta_min": 0.01},
    ),
    *(
        ("one_cycle", {"n_steps": N_STEPS, **options}, "OneCycleLR", {"total_steps": N_STEPS, **options})
        for strategy in ("cos", "linear")
        for three_phase in (False, True)
        for options in (
            {"anneal_strategy": strategy, "three_phase": three_phase},
            {
                "anneal_strategy": strategy,
                "three_phase": three_phase,
                "pct_start": 0.43,
                "div_factor": 7.0,
                "final_div_factor": 31.0,
            },
        )
    ),
]

# A loss that gets better, stays, jumps, is NaN, and gets better again; from 10, a score.
VALUES = [3.0, 2.0, 2.0, 1.99999, 1.9, 1.9, 1.9, 1.9, 2.5, float("nan"), 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 0.5, *[0.5] * 23]

# Whether to maximize, and our parameters.
BY_VALUE = [
    (False, {}),
    (False, {"factor": 0.5, "patience": 1}),
    (False, {"factor": 0.5, "patience": 0, "cooldown": 2, "threshold_mode": "abs", "threshold": 0.05}),
    (False, {"factor": 0.3, "patience": 2, "min_rate": 0.01, "min_change": 1e-4}),
    (True, {"factor": 0.5, "patience": 1, "threshold": 0.01}),
    (True, {"factor": 0.5, "patience": 2, "cooldown": 1, "threshold_mode": "abs", "threshold": 0.1}),
]
PYTORCH_NAMES = {"min_rate": "min_lr", "min_change": "eps"}


def optimizer():
    return torch.optim.SGD([torch.zeros(1)], lr=RATE, momentum=0.9)


def by_step(name, options):
    sgd = optimizer()
    if name == "OneCycleLR":
        options = {"max_lr": RATE, **options}
    scheduler = getattr(lr_scheduler, name)(sgd, **options)
    rates = []
    for _ in range(N_STEPS):
        closed = getattr(scheduler, "_get_closed_form_lr", None)
        rates.append(float(closed()[0] if closed else sgd.param_groups[0]["lr"]))
        sgd.step()
        scheduler.step()
    return rates


def by_value(maximize, options):
    sgd = optimizer()
    options = {PYTORCH_NAMES.get(name, name): value for name, value in options.items()}
    scheduler = lr_scheduler.ReduceLROnPlateau(sgd, "max" if maximize else "min", **options)
    rates = []
    for value in VALUES:
        scheduler.step(10.0 - value if maximize else value)
        rates.append(float(sgd.param_groups[0]["lr"]))
    return rates


if __name__ == "__main__":
    goldens = {
        "torch": torch.__version__,
        "rate": RATE,
        "by_step": [
            {"name": name, "params": params, "torch": theirs, "rates": by_step(theirs, options)}
            for name, params, theirs, options in BY_STEP
        ],
        "values": [None if value != value else value for value in VALUES],  # noqa: PLR0124  # JSON has no NaN
        "by_value": [
            {"maximize": maximize, "params": params, "rates": by_value(maximize, params)}
            for maximize, params in BY_VALUE
        ],
    }
    path = Path(__file__).with_suffix(".json")
    lines = json.dumps(goldens, separators=(",", ":"))
    # A case a line.
    path.write_text(lines.replace('},{"', '},\n{"').replace('[{"', '[\n{"') + "\n")
