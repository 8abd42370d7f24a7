"""One arithmetic for all machines: every process that simulates or infers computes with the kernels of x86-64-v3.

Numerical libraries choose their kernels by the processor, and kernels round differently: the last digits of a torque then
depend on the machine, and contacts amplify them until outcomes differ. The variables here make numpy, OpenBLAS, numba,
torch, oneDNN and MKL choose what every x86-64 processor since 2013 has (AVX2 and FMA). They must be set before those
libraries are imported: ``pin`` comes first in a command, and ``envs.pool`` gives ``variables`` to its workers.

A variable of the same name that the user or the machine has set is replaced, or the machine would decide after all
(some images export OPENBLAS_CORETYPE). ``CROSSBODY_ARITHMETIC=native`` leaves everything as it is.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

from crossbody.errors import CrossbodyError

SWITCH = "CROSSBODY_ARITHMETIC"
PROFILE, NATIVE = "x86-64-v3", "native"

NEEDED = ("avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "movbe")
"""Flags of /proc/cpuinfo without which a processor is not an x86-64-v3."""

FIXED = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # STRICT: the same sums whatever the number of threads.
    "MKL_CBWR": "AVX2,STRICT",
}

BEYOND = {
    "AVX512F": "avx512f",
    "AVX512CD": "avx512cd",
    "AVX512_SKX": "avx512bw",
    "AVX512_CLX": "avx512_vnni",
    "AVX512_CNL": "avx512vbmi",
    "AVX512_ICL": "avx512_vbmi2",
}
"""numpy's name of what it dispatches to beyond AVX2 -> the processor's flag. It warns of names that the processor lacks."""


def pin() -> None:
    """Make the libraries that this process has yet to import compute with the pinned kernels."""
    os.environ.update(variables())


def variables() -> dict[str, str]:
    """Return the environment variables that pin the arithmetic; none where it is switched off or cannot be pinned."""
    asked = os.environ.get(SWITCH, PROFILE)
    if asked not in (PROFILE, NATIVE):
        raise CrossbodyError(f"{SWITCH} is '{asked}'; it takes {PROFILE} (the default) or {NATIVE}.")
    flags = _flags()
    if asked == NATIVE or not flags.issuperset(NEEDED):
        return {}
    beyond = " ".join(name for name, flag in BEYOND.items() if flag in flags)
    return FIXED | ({"NPY_DISABLE_CPU_FEATURES": beyond} if beyond else {})


def observed() -> dict[str, str]:
    """Return what computes in this process, asked of the libraries that it has imported, never of the variables.

    ``profile`` is ``x86-64-v3`` when all of them keep to it, else ``native``. ``results`` is a digest of small
    computations with them: where it is equal, these agree to the last bit.
    """
    kernels = {name: kernel for name, ask in _ASK.items() if name in sys.modules and (kernel := ask())}
    kept = all(kernel == _KEEPING[name] for name, kernel in kernels.items())
    return {
        "profile": PROFILE if kept else NATIVE,
        **kernels,
        "libc": "-".join(platform.libc_ver()),
        "results": _results(),
    }


def profile(host: Mapping[str, Any]) -> str:
    """Return the arithmetic that a manifest's ``host`` records, in one text; '' for runs from before it was recorded."""
    found = host.get("arithmetic")
    if found is None:  # a merged run: one host per shard
        parts = [profile(h) for h in host.values() if isinstance(h, Mapping)]
        return " and ".join(dict.fromkeys(p or "unknown" for p in parts)) if any(parts) else ""
    return "; ".join(f"{who}: {_text(what)}" for who, what in found.items())


def pinned(host: Mapping[str, Any]) -> bool:
    """Return whether every process of a run is recorded to have kept to x86-64-v3."""
    return all(f"{PROFILE} " in part for part in profile(host).split("; "))


def difference(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a warning when runs, name -> ``host``, were computed with different arithmetic; '' when with one."""
    found = {name: profile(host) or "not recorded" for name, host in hosts.items()}
    if len(set(found.values())) == 1:
        return ""
    return (
        "These runs were computed with different arithmetic, so single episodes may differ for that reason alone "
        "(docs/reproducible.md):\n" + "\n".join(f"  {name}: {text}" for name, text in found.items())
    )


def _text(kernels: Mapping[str, str]) -> str:
    """Return one process's profile and kernels in a line."""
    named = [f"{k} {v}" for k, v in kernels.items() if k not in ("profile", "results")]
    return f"{kernels['profile']} ({', '.join(named)}), results {kernels['results']}"


@functools.cache
def _flags() -> frozenset[str]:
    """Return the processor's features as Linux names them; none elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.partition(":")[2].split())


def _numpy() -> str:
    from numpy._core._multiarray_umath import __cpu_features__ as features

    names = ("AVX2", *BEYOND)
    return next((name for name in reversed(names) if features.get(name)), "baseline")


def _openblas() -> str:
    """Return the name of OpenBLAS's kernels in numpy's own library, '' where numpy has another BLAS."""
    import ctypes
    from pathlib import Path

    import numpy

    for file in (Path(numpy.__file__).parent.parent / "numpy.libs").glob("libscipy_openblas64_*"):
        name = ctypes.CDLL(str(file)).scipy_openblas_get_corename64_
        name.restype = ctypes.c_char_p
        return name().decode()
    return ""


def _numba() -> str:
    from numba import config

    return config.CPU_NAME or "host"


def _torch() -> str:
    import torch

    cpu = torch.backends.cpu.get_cpu_capability()
    return f"{cpu} with {torch.cuda.get_device_name()}" if torch.cuda.is_initialized() else cpu


_ASK = {"numpy": lambda: f"{_numpy()} {_openblas()}".strip(), "numba": _numba, "torch": _torch}
_KEEPING = {"numpy": "AVX2 Haswell", "numba": "haswell", "torch": "AVX2"}


def _results() -> str:
    """Return the digest of small computations by libm and by what is imported of numpy and torch."""
    import hashlib
    import math

    total = hashlib.sha256(
        repr([f(k / 7) for f in (math.sin, math.exp, math.atan, math.cosh) for k in range(50)]).encode()
    )
    if numpy := sys.modules.get("numpy"):
        wide = numpy.arange(4096).reshape(64, 64) % 61 / 7
        for values in (
            wide @ wide,
            wide @ wide[0],
            numpy.exp(wide),
            numpy.sin(wide),
            wide.sum(0),
            numpy.linalg.inv(wide + 500 * numpy.eye(64)),
        ):
            total.update(values.tobytes())
        if torch := sys.modules.get("torch"):
            flat = torch.from_numpy(wide.astype("float32"))
            for values in (flat @ flat, torch.nn.functional.gelu(flat), flat.softmax(0), flat.mean(1), flat.exp()):
                total.update(values.numpy().tobytes())
    return total.hexdigest()[:8]
