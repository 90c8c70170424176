"""The machine a benchmark runs on, for its records."""

import os
import platform
from pathlib import Path

from fastmlp import engine


def n_cpus():
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_model():
    """The CPU's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe(n_threads):
    """CPU, instruction set and threads."""
    return {
        "cpu": cpu_model(),
        "cpus": n_cpus(),
        "isa": engine.ISA,
        "threads": n_threads,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
