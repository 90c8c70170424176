"""What this installation of fastmlp consists of."""

import platform
import sys

import numpy as np
import scipy
import sklearn

from fastmlp import engine
from fastmlp.threads import MUCH_WORK, team_size

__version__ = "0.1.0"


def show_config() -> dict[str, object]:
    """Print, and return, the instruction set in use, the threads, and the versions.

    Returns
    -------
    config : dict
        isa, the instruction set in use (FASTMLP_ISA forces one); isas, those built in; isas_supported, those this CPU
        can run; openmp, the version date of the OpenMP specification or None for a build on one thread; n_threads, the
        team size of n_jobs=None for large work; bfloat16, what multiplies bfloat16 numbers, None where float32 is
        faster; split, what multiplies float32 numbers split into bfloat16 terms in the training of large networks, None
        where none are (FASTMLP_SPLIT=1 asks for it); versions of Python, numpy, scipy and scikit-learn; machine.

    Examples
    --------
    >>> import fastmlp
    >>> config = fastmlp.show_config()  # doctest: +ELLIPSIS
    fastmlp ...
    >>> "scalar" in config["isas"]
    True
    """
    config: dict[str, object] = {
        "fastmlp": __version__,
        "isa": engine.ISA,
        "isas": engine.ISAS,
        "isas_supported": engine.SUPPORTED_ISAS,
        "bfloat16": engine.bfloat16_product() or None,
        "split": engine.split_product() or None,
        "openmp": engine.OPENMP_VERSION or None,
        "n_threads": team_size(None, MUCH_WORK) if engine.OPENMP_VERSION else 1,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "machine": platform.machine(),
    }
    for name, value in config.items():
        print(f"{name:15} {value}")
    return config
