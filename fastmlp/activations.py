"""The hidden layers' activation functions: names, as src_c/activations.def lists them.

========  =======================  ==============================
name      f(z)                     f'(z), given a = f(z)
========  =======================  ==============================
identity  z                        1
logistic  1 / (1 + exp(-z))        a (1 - a)
tanh      tanh(z)                  1 - a^2
relu      max(z, 0)                1 where a is not 0, else 0
========  =======================  ==============================
"""

from fastmlp import _engine

ACTIVATIONS: tuple[str, ...] = _engine.ACTIVATIONS
