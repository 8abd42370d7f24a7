"""One arithmetic for all machines: every process that simulates or infers computes with the kernels of x86-64-v3.

Numerical libraries choose their kernels by the processor, and kernels round differently: the last digits of a torque
then depend on the machine, and contacts amplify them until outcomes differ. The variables here make numpy, OpenBLAS,
numba, torch, oneDNN and MKL choose what every x86-64 processor since 2013 has (AVX2 and FMA). They must be set before
those libraries are imported: ``pin`` comes first in a command, and ``envs.pool`` gives ``variables`` to its workers.

A variable of the same name that the user or the machine has set is replaced, or the machine would decide after all
(some images export OPENBLAS_CORETYPE). ``CROSSBODY_ARITHMETIC=native`` leaves everything as it is.
"""

from __future__ import annotations

import functools
import hashlib
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
"""numpy's name of what it dispatches to beyond AVX2 -> the processor's flag.
It warns of names that the processor lacks."""


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

    ``profile`` is ``x86-64-v3`` when all of them keep to it, else ``native``. Behind a library's kernels stands a
    digest of small computations with it: where it is equal, these agree to the last bit.
    """
    imported = [name for name in _ASK if name in sys.modules]
    kernels = {name: _ASK[name]() for name in imported}
    kept = all(kernels[name] == _KEEPING[name] for name in imported)
    shown = {name: f"{kernel} {_RESULTS[name]()}".strip() for name, kernel in kernels.items()}
    return {"profile": PROFILE if kept else NATIVE, **shown, "libm": f"{'-'.join(platform.libc_ver())} {_libm()}"}


def profile(host: Mapping[str, Any]) -> str:
    """Return the arithmetic that a manifest's ``host`` records, in one text;
    '' for runs from before it was recorded."""
    return ", ".join(f"{what} {' or '.join(sorted(texts))}" for what, texts in _recorded(host).items())


def pinned(host: Mapping[str, Any]) -> bool:
    """Return whether every process of a run is recorded to have kept to x86-64-v3."""
    kept = [texts == {PROFILE} for what, texts in _recorded(host).items() if what.endswith(" profile")]
    return bool(kept) and all(kept)


def difference(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a warning when runs, name -> ``host``, were computed with different arithmetic; '' when nothing says so.

    Compared is what two runs have in common: an agent without torch computes like one with it as far as it goes.
    """
    tables = {name: _recorded(host) for name, host in hosts.items()}
    if not any(tables.values()):
        return ""
    lines = [f"  {name}: not recorded" for name, table in tables.items() if not table]
    for what in dict.fromkeys(key for table in tables.values() for key in table):
        texts = {name: " or ".join(sorted(table[what])) for name, table in tables.items() if what in table}
        if len(set().union(*(table.get(what, set()) for table in tables.values()))) > 1:
            lines.append(f"  {what}: " + ", ".join(f"{text} in {name}" for name, text in texts.items()))
    head = "these runs were computed with different arithmetic, so single episodes may differ for that reason alone:"
    return "\n".join([head, *lines]) if lines else ""


def _recorded(host: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return "process library" -> what is recorded of it: several texts for a merged run,
    whose host is one per shard."""
    shards = [host] if "arithmetic" in host else [h for h in host.values() if isinstance(h, Mapping)]
    table: dict[str, set[str]] = {}
    for shard in shards:
        for process, libraries in shard.get("arithmetic", {}).items():
            for library, text in libraries.items():
                table.setdefault(f"{process} {library}", set()).add(text)
    return table


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
_RESULTS = {"numpy": lambda: _numpy_results(), "numba": lambda: "", "torch": lambda: _torch_results()}
_KEEPING = {"numpy": "AVX2 Haswell", "numba": "haswell", "torch": "AVX2"}


def _libm() -> str:
    import math

    functions = (math.sin, math.exp, math.atan, math.cosh)
    return _digest(repr([f(k / 7) for f in functions for k in range(50)]).encode())


def _numpy_results() -> str:
    import numpy as np

    wide = np.arange(4096).reshape(64, 64) % 61 / 7
    solved = np.linalg.inv(wide + 500 * np.eye(64))
    results = (wide @ wide, wide @ wide[0], np.exp(wide), np.sin(wide), wide.sum(0), solved)
    return _digest(*(values.tobytes() for values in results))


def _torch_results() -> str:
    import torch

    wide = torch.arange(4096.0).reshape(64, 64) % 61 / 7
    results = (wide @ wide, torch.nn.functional.gelu(wide), wide.softmax(0), wide.mean(1), wide.exp())
    return _digest(*(values.numpy().tobytes() for values in results))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:8]
