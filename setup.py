"""Builds fastmlp.engine: the Cython modules, the C core, and one set of kernels per instruction set, in one file.

Everything else about the package stands in pyproject.toml. Only GCC and Clang are served: the kernels are written in
their vector extensions.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
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

# An instruction set is src_c/isa/<name>.h with a stub <name>_<bits>.c for each element type beside it, a row here and a
# row in src_c/runtime/dispatch.c.
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

# Products of bfloat16 numbers are in src_c/isa/bfloat16_<name>.c, and each has a row in src_c/runtime/dispatch.c. One
# that the compiler or the assembler cannot make is left out.
PRODUCTS = {
    "avx512bf16": (("x86_64", "amd64"), ["-mavx512f", "-mavx512bf16"]),
    "amx": (("x86_64", "amd64"), ["-mavx512f", "-mamx-tile", "-mamx-bf16", "-mprfchw"]),
}

# What is compiled without any such flags, since it runs before it is known what the CPU can do.
RUNTIME = [f"src_c/runtime/{name}.c" for name in ("barrier", "cpu", "helpers", "rules")]

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
# Objects that no build has used for so long are deleted from build/.
DAYS_KEPT = 7


class BuildEngine(build_ext):
    """Adds what only the compiler at hand can tell: OpenMP's flags and the instruction sets it knows."""

    def finalize_options(self):
        """Keep the objects in build/, also where pip asks for a folder that it deletes afterwards."""
        self.build_temp = self.build_temp or str(Path("build", "objects"))
        super().finalize_options()

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

    def units(self, extension, openmp):
        """Return what is compiled by itself: (macro that says it is there, source, flags), the slowest first."""
        machine = platform.machine().lower()

        def served(table):
            return [
                (name, flags)
                for name, (machines, flags) in reversed(table.items())
                if ("*" in machines or machine in machines) and self.builds("int main(void) { return 0; }", flags)
            ]

        return [
            *((name, f"src_c/isa/{name}_{bits}.c", flags) for name, flags in served(ISAS) for bits in (64, 32)),
            *((None, source, openmp) for source in extension.sources),
            *((name, f"src_c/isa/bfloat16_{name}.c", flags) for name, flags in served(PRODUCTS)),
        ]

    def compiled(self, extension, source, flags):
        """Return the object of a source, which is compiled unless an earlier build did, of the same files alike."""
        options = {
            "extra_postargs": FLAGS + flags,
            "include_dirs": extension.include_dirs,
            "macros": extension.define_macros,
        }
        # NumPy's headers are told by their version: where they lie is another folder in each of pip's environments.
        with_what = {**options, "include_dirs": [path for path in extension.include_dirs if not os.path.isabs(path)]}
        made_of = hashlib.sha256(repr((self.compiler.compiler_so, sys.version, numpy.__version__, with_what)).encode())
        for path in [source, *extension.depends]:
            made_of.update(Path(path).read_bytes())
        folder = Path(self.build_temp, made_of.hexdigest()[:16])
        if not folder.exists():
            unfinished = folder.with_suffix(".part")
            self.compiler.compile([source], output_dir=str(unfinished), **options)
            unfinished.rename(folder)
        os.utime(folder)  # the time it was last used
        return str(folder / Path(source).with_suffix(".o"))

    def build_extension(self, extension):
        """Compile all sources side by side, each with flags of its own, and link them into the engine."""
        openmp = next((f for f in OPENMP_FLAGS if self.builds(OPENMP_PROGRAM, *f, run=True)), None)
        if openmp is None:
            print("fastmlp: no working OpenMP, building for one thread", file=sys.stderr)
        compile_openmp, link_openmp = openmp or ([], [])
        extension.extra_link_args += link_openmp + (SANITIZERS[SANITIZE] if SANITIZE else [])
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a compiler
            jobs = [
                (name, source, pool.submit(self.compiled, extension, source, flags))
                for name, source, flags in self.units(extension, compile_openmp)
            ]
        for name, source, job in jobs:
            try:
                extension.extra_objects.append(job.result())
            except CompileError:
                if name not in PRODUCTS:
                    raise
                print(f"fastmlp: the compiler cannot make {source}; it is left out", file=sys.stderr)
                continue
            if name is not None:
                extension.define_macros.append((f"FM_WITH_{name.upper()}", "1"))
        for folder in Path(self.build_temp).glob("?" * 16):
            if time.time() - folder.stat().st_mtime > DAYS_KEPT * 24 * 60 * 60:
                shutil.rmtree(folder, ignore_errors=True)
        # What is left to setuptools: the table of all these, and to link them.
        extension.extra_compile_args += FLAGS
        extension.sources = ["src_c/runtime/dispatch.c"]
        self.force = True  # it does not know what the objects were made of
        super().build_extension(extension)


class BuildWheel(bdist_wheel):
    """Leaves the engine beside its sources, too, so that Python started in the checkout finds it there."""

    def run(self):
        """Make the wheel, and copy the engine."""
        super().run()
        build = self.get_finalized_command("build_ext")
        with suppress(OSError):  # the sources may be read-only
            for extension in build.extensions:
                build.copy_file(
                    build.get_ext_fullpath(extension.name), str(ROOT / build.get_ext_filename(extension.name))
                )


os.chdir(ROOT)
# The engine's modules go into one shared object, from which fastmlp/engine/__init__.py loads them.
MODULES = cythonize(
    [
        Extension(".".join(path.with_suffix("").parts), [str(path)])
        for path in sorted(Path("fastmlp", "engine").rglob("*.pyx"))
    ],
    compiler_directives={
        "language_level": 3,
        "boundscheck": False,
        "cdivision": True,
        "initializedcheck": False,
        "freethreading_compatible": True,
    },
    build_dir="build",
    cache="CYTHON_CACHE_DIR" in os.environ,  # where several builds of the same modules follow each other
    nthreads=os.cpu_count(),
)
setup(
    ext_modules=[
        Extension(
            "fastmlp.engine._compiled",
            [*(source for module in MODULES for source in module.sources), *RUNTIME],
            include_dirs=["src_c", "src_c/include", numpy.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            depends=[str(p) for pattern in ("*.c", "*.h", "*.def") for p in sorted(Path("src_c").rglob(pattern))],
        )
    ],
    cmdclass={"build_ext": BuildEngine, "bdist_wheel": BuildWheel},
)
