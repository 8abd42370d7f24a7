"""The pinned arithmetic: which variables, in which processes, and what a run says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from crossbody import arithmetic
from crossbody.errors import CrossbodyError

NATIVE = {arithmetic.SWITCH: arithmetic.NATIVE}
PINNABLE = pytest.mark.skipif(not arithmetic.variables(), reason="this processor is no x86-64-v3")
OBSERVE = """
import json
from crossbody import arithmetic
arithmetic.pin()
import numba, numpy, torch
print(json.dumps(arithmetic.observed()))
"""


def observed(**environment: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if k not in (*arithmetic.FIXED, "NPY_DISABLE_CPU_FEATURES")}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", OBSERVE],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@PINNABLE
def test_every_library_that_is_imported_after_the_pin_keeps_to_it_whatever_the_machine_has_set():
    plain = observed()
    assert plain["profile"] == arithmetic.PROFILE
    assert plain["numpy"].startswith("AVX2 Haswell ") and plain["numba"] == "haswell"
    assert plain["torch"].startswith("AVX2 ")
    assert observed(OPENBLAS_CORETYPE="Nehalem", ATEN_CPU_CAPABILITY="default", NUMBA_CPU_NAME="generic") == plain


@PINNABLE
def test_the_switch_leaves_everything_to_the_machine():
    other = observed(OPENBLAS_CORETYPE="Nehalem", ATEN_CPU_CAPABILITY="default", **NATIVE)
    assert other["profile"] == arithmetic.NATIVE and other["torch"].startswith("DEFAULT ")
    assert " Nehalem " in other["numpy"]
    assert other["numpy"].split()[-1] != observed()["numpy"].split()[-1], "the digest does not see other kernels"


def test_a_wrong_switch_is_named(monkeypatch):
    monkeypatch.setenv(arithmetic.SWITCH, "fast")
    with pytest.raises(
        CrossbodyError, match="CROSSBODY_ARITHMETIC is 'fast'; it takes x86-64-v3 .the default. or native"
    ):
        arithmetic.variables()


def test_an_older_processor_is_not_pinned_and_numpy_hears_only_of_features_that_it_has(monkeypatch):
    monkeypatch.setattr(arithmetic, "_flags", lambda: frozenset({"sse2", "avx"}))
    assert arithmetic.variables() == {}
    monkeypatch.setattr(arithmetic, "_flags", lambda: frozenset(arithmetic.NEEDED))
    assert arithmetic.variables() == arithmetic.FIXED
    monkeypatch.setattr(arithmetic, "_flags", lambda: frozenset({*arithmetic.NEEDED, "avx512f", "avx512cd"}))
    assert arithmetic.variables()["NPY_DISABLE_CPU_FEATURES"] == "AVX512F AVX512CD"


KERNELS = {"profile": "x86-64-v3", "numpy": "AVX2 Haswell 6c7f62e8", "libm": "glibc-2.36 11d0bd56"}
MINE = {"arithmetic": {"workers": KERNELS}}
OTHER = {"arithmetic": {"workers": KERNELS | {"profile": "native", "numpy": "AVX512_ICL SkylakeX 4522eff4"}}}
OLD = {"cpu": "of a run from before arithmetic was recorded"}


def test_what_a_host_records_is_one_text():
    text = "workers profile x86-64-v3, workers numpy AVX2 Haswell 6c7f62e8, workers libm glibc-2.36 11d0bd56"
    assert arithmetic.profile(MINE) == text == arithmetic.profile({"shard 1": MINE, "shard 2": MINE})
    assert arithmetic.profile(OLD) == ""
    assert arithmetic.pinned(MINE) and not any(arithmetic.pinned(h) for h in (OTHER, OLD, {"one": MINE, "two": OTHER}))


def test_runs_of_different_arithmetic_are_told_and_only_those():
    agent = {"arithmetic": {"workers": KERNELS, "agent": KERNELS | {"torch": "AVX2 a5c0d7df"}}}
    assert arithmetic.difference({"a": MINE, "b": agent}) == "" == arithmetic.difference({"a": OLD, "b": OLD})
    lines = arithmetic.difference({"a": MINE, "b": OTHER, "c": OLD}).splitlines()
    assert lines == [
        "these runs were computed with different arithmetic, so single episodes may differ for that reason alone:",
        "  c: not recorded",
        "  workers profile: x86-64-v3 in a, native in b",
        "  workers numpy: AVX2 Haswell 6c7f62e8 in a, AVX512_ICL SkylakeX 4522eff4 in b",
    ]
    assert "native or x86-64-v3 in merged" in arithmetic.difference({"merged": {"one": MINE, "two": OTHER}})
