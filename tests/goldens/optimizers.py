"""Records what PyTorch's optimizers make of seeded gradients: optimizers.npz beside this file.

python tests/goldens/optimizers.py        # with PyTorch 2.13 installed; tests need the file alone
"""

import inspect
from pathlib import Path

import numpy as np
import torch
from torch.optim import _muon

FILE = Path(__file__).with_suffix(".npz")
# Two hidden matrices, one with more outputs than inputs and one with fewer, an output layer, biases.
SHAPES = [(3, 4), (4,), (4, 2), (2,), (2, 2), (2,)]
RECORDED = [1, 2, 5, 10, 20, 50, 100, 200]

# PyTorch's classes and parameters: every one that changes the rule, with several values.
BETAS = [{}, {"betas": (0.5, 0.9)}, {"eps": 1e-2}, {"lr": 0.03}]
VARIANTS = [
    ("SGD", {"lr": 0.1}),
    *(("SGD", {"lr": 0.1, "momentum": m, "nesterov": n}) for m, n in [(0.9, False), (0.9, True), (0.5, True)]),
    *(("Adagrad", kw) for kw in [{}, {"lr": 0.1, "eps": 1e-2}]),
    *(("Adadelta", kw) for kw in [{}, {"rho": 0.5}, {"lr": 0.3, "eps": 1e-3}]),
    *(
        ("RMSprop", {"centered": c, "momentum": m, **kw})
        for c in (False, True)
        for m in (0, 0.9)
        for kw in ({}, {"lr": 0.02, "alpha": 0.8, "eps": 1e-3})
    ),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    *(("Adam", kw) for kw in BETAS),
    *(("Adam", {"amsgrad": True, **kw}) for kw in BETAS),
    *(("NAdam", kw) for kw in [*BETAS, {"momentum_decay": 0.1}]),
    *(("AdamW", kw) for kw in [*BETAS, {"weight_decay": 0.3}]),
    *(("AdamW", {"amsgrad": True, "weight_decay": wd}) for wd in (0.01, 0.3)),
    *(("Rprop", kw) for kw in [{}, {"lr": 0.1, "etas": (0.7, 1.1)}, {"step_sizes": (1e-3, 0.02)}]),
    *(("Muon", kw) for kw in [{}, {"lr": 0.02, "momentum": 0.8}, {"nesterov": False}, {"ns_steps": 3, "eps": 10.0}]),
    ("Muon", {"weight_decay": 0.5}),
]  # fmt: skip


def gradients():
    """Of 200 steps; for each number a scale, a mean and noise, and some are zero."""
    rng = np.random.default_rng(0)
    size = sum(map(np.prod, SHAPES))
    values = rng.standard_normal((200, size)) + 0.5 * rng.standard_normal(size)
    values *= 10 ** rng.uniform(-2, 1, size)
    values[rng.random(values.shape) < 0.05] = 0
    return values.astype(np.float32)


def parts(flat):
    """The arrays in a flat vector."""
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), SHAPES, strict=True)]


def trajectory(make, grads, start, dtype):
    """Parameters after the recorded steps; make gives the optimizers of tensors."""
    params = [torch.tensor(part, dtype=dtype, requires_grad=True) for part in parts(start)]
    optimizers, rows = make(params), []
    for step, flat in enumerate(grads, start=1):
        for p, g in zip(params, parts(flat), strict=True):
            p.grad = torch.tensor(g, dtype=dtype)
        for optimizer in optimizers:
            optimizer.step()
        if step in RECORDED:
            rows.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return np.array(rows)


class Transposed(torch.optim.Muon):
    """PyTorch's weights are (out, in), the recorded ones (in, out)."""

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data, p.grad = p.data.T.contiguous(), p.grad.T.contiguous()
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                p.data, p.grad = p.data.T.contiguous(), p.grad.T.contiguous()


def maker(name, parameters):
    if name != "Muon":
        return lambda params: [getattr(torch.optim, name)(params, **parameters)]
    return lambda params: [
        Transposed([params[0], params[2]], **parameters),
        torch.optim.AdamW([params[1], *params[3:]], lr=parameters.get("lr", 1e-3)),
    ]


def without_bfloat16():
    """PyTorch's Newton-Schulz rounds to bfloat16; the same lines without that show the rule to full precision."""
    source = inspect.getsource(_muon._zeropower_via_newtonschulz)
    assert source.count("grad.bfloat16()") == 1
    exec(source.replace("grad.bfloat16()", "grad.clone()"), vars(_muon))


def main():
    torch.set_default_dtype(torch.float64)  # of the scalars that optimizers keep
    grads = gradients()
    start = np.random.default_rng(1).standard_normal(grads.shape[1])
    recorded = {"gradients": grads, "start": start, "steps": RECORDED}
    recorded["muon_in_bfloat16"] = trajectory(maker("Muon", {}), grads, start, torch.float32)
    without_bfloat16()
    rows = [trajectory(maker(*variant), grads, start, torch.float64) for variant in VARIANTS]
    names = [repr(variant) for variant in VARIANTS]
    np.savez_compressed(FILE, variants=names, trajectories=np.array(rows), **recorded)
    print(f"{FILE}: {len(rows)} trajectories, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
