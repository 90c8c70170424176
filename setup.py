"""Builds fastmlp._engine: the Cython engine, the C core, and one set of kernels per instruction set.

Everything else about the package stands in pyproject.toml. Only GCC and Clang are served: the kernels are written in
their vector extensions.
"""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

ROOT = Path(__file__).parent
# No -ffast-math, at link time neither: it would flip the denormal mode of the whole process. -Wno-psabi: GCC warns of
# how vectors wider than the registers are passed to functions, even where all of these are inlined.
# Without the debugging information that Python asks for, which makes four fifths of a wheel.
FLAGS = ["-O3", "-g0", "-fno-math-errno", "-ffp-contract=fast", "-std=gnu11", "-Wno-psabi"]

# FASTMLP_SANITIZE makes an engine that watches itself, slowly, for .ci/sanitize. Python's own -fwrapv would hide what
# overflows.
SANITIZERS = {
    "address": ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-fno-wrapv"],
    "thread": ["-fsanitize=thread"],
}
SANITIZE = os.environ.get("FASTMLP_SANITIZE", "")
if SANITIZE:
    FLAGS += ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS[SANITIZE]]

# An instruction set is a stub src_c/isa_<name>.c, a row here and a row in src_c/dispatch.c.
# -mprfchw: without it, asking ahead for lines to write falls back to asking for lines to read. CPUs without the
# instruction pass over it.
#          machines                       compiler flags
ISAS = {
    "scalar": (("*",), ["-fno-tree-vectorize"]),
    "sse2": (("x86_64", "amd64"), ["-msse2"]),
    "avx2": (("x86_64", "amd64"), ["-mavx2", "-mfma", "-mprfchw"]),
    "avx512": (
        ("x86_64", "amd64"),
        ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mprfchw", "-mprefer-vector-width=512"],
    ),
    "neon": (("aarch64", "arm64"), []),
}

# Products of bfloat16 numbers, src_c/bfloat16_<name>.c, each with a row in src_c/dispatch.c. One that compiler or
# assembler cannot make is left out.
PRODUCTS = {
    "avx512bf16": (("x86_64", "amd64"), ["-mavx512f", "-mavx512bf16"]),
    "amx": (("x86_64", "amd64"), ["-mavx512f", "-mamx-tile", "-mamx-bf16", "-mprfchw"]),
}

OPENMP_PROGRAM = """
#include <omp.h>
int main(void) {
    int n = 0;
    #pragma omp parallel num_threads(2) reduction(+:n)
    n += 1;
    return n < 1 || omp_get_max_threads() < 1;
}
"""
# Compiler flags and link flags, in the order they are tried.
OPENMP_FLAGS = [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])]


class BuildEngine(build_ext):
    """Adds what only the compiler at hand can tell: OpenMP's flags and the instruction sets it knows."""

    def builds(self, source, compile_flags, link_flags=(), run=False):
        """Whether a program compiles, links and, if asked, runs."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "probe.c")
            path.write_text(source)
            try:
                objects = self.compiler.compile([str(path)], output_dir=folder, extra_postargs=list(compile_flags))
                self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=list(link_flags))
                return not run or subprocess.run([str(Path(folder, "probe"))], check=False, timeout=60).returncode == 0
            except Exception:
                return False

    def add_stub(self, extension, name, source, flags):
        """Compile a source with flags of its own, and tell the others that it is there."""
        extension.extra_objects += self.compiler.compile(
            [source], output_dir=self.build_temp, extra_postargs=FLAGS + flags
        )
        extension.define_macros.append((f"FM_WITH_{name.upper()}", "1"))

    def build_extension(self, extension):
        """Compile the stubs of src_c/, each with its own flags, and link them into the engine."""
        machine = platform.machine().lower()

        def serves(row):
            machines, flags = row
            return ("*" in machines or machine in machines) and self.builds("int main(void) { return 0; }", flags)

        isas = {name: row[1] for name, row in ISAS.items() if serves(row)}
        products = {name: row[1] for name, row in PRODUCTS.items() if serves(row)}
        openmp = next((f for f in OPENMP_FLAGS if self.builds(OPENMP_PROGRAM, *f, run=True)), None)
        if openmp is None:
            print("fastmlp: no working OpenMP, building for one thread", file=sys.stderr)
        compile_openmp, link_openmp = openmp or ([], [])
        extension.extra_compile_args += FLAGS + compile_openmp
        extension.extra_link_args += link_openmp + (SANITIZERS[SANITIZE] if SANITIZE else [])
        for name, flags in isas.items():
            self.add_stub(extension, name, f"src_c/isa_{name}.c", flags)
        for name, flags in products.items():
            try:
                self.add_stub(extension, name, f"src_c/bfloat16_{name}.c", flags)
            except CompileError:
                print(f"fastmlp: the compiler cannot make bfloat16 products for {name}", file=sys.stderr)
        super().build_extension(extension)


os.chdir(ROOT)
setup(
    ext_modules=cythonize(
        Extension(
            "fastmlp._engine",
            ["fastmlp/_engine.pyx", "src_c/barrier.c", "src_c/cpu.c", "src_c/dispatch.c", "src_c/updates.c"],
            include_dirs=["src_c", numpy.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            depends=[str(p) for pattern in ("*.c", "*.h", "*.def") for p in sorted(Path("src_c").glob(pattern))],
        ),
        compiler_directives={"language_level": 3},
        build_dir="build",
    ),
    cmdclass={"build_ext": BuildEngine},
)
