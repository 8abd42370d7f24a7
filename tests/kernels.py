"""Two processors in one: the environment in which the libraries take other kernels than they choose here by
themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from crossbody import arithmetic

ROOT = Path(__file__).resolve().parent.parent
SINGLE = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def other_kernels() -> dict[str, str]:
    """Return the variables of another processor: an AVX2 one, or, where this is one, one without."""
    beyond = " ".join(name for name, flag in arithmetic.BEYOND.items() if flag in arithmetic._flags())
    if not beyond:
        return {"OPENBLAS_CORETYPE": "Nehalem", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    haswell = {"NUMBA_CPU_NAME": "haswell", "OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": beyond}
    return haswell | {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}


def python(code: str, *arguments: str, **environment: str) -> str:
    """Return what a program prints in a process of its own, which inherits no choice of kernels."""
    chosen = (*arithmetic.FIXED, "NPY_DISABLE_CPU_FEATURES", arithmetic.SWITCH)
    inherited = {k: v for k, v in os.environ.items() if k not in chosen}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=inherited | SINGLE | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
