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
    assert plain["numpy"] == "AVX2 Haswell" and plain["numba"] == "haswell" and plain["torch"] == "AVX2"
    assert observed(OPENBLAS_CORETYPE="Nehalem", ATEN_CPU_CAPABILITY="default", NUMBA_CPU_NAME="generic") == plain


@PINNABLE
def test_the_switch_leaves_everything_to_the_machine():
    other = observed(OPENBLAS_CORETYPE="Nehalem", ATEN_CPU_CAPABILITY="default", **NATIVE)
    assert other["profile"] == arithmetic.NATIVE and other["torch"] == "DEFAULT" and other["numpy"].endswith("Nehalem")
    assert other["results"] != observed()["results"]


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


KERNELS = {"profile": "x86-64-v3", "numpy": "AVX2 Haswell", "libc": "glibc-2.36", "results": "6c7f62e8"}


def test_what_a_host_records_is_one_text_and_differences_are_told():
    mine = {"arithmetic": {"workers": KERNELS}}
    other = {"arithmetic": {"workers": KERNELS | {"profile": "native", "results": "4522eff4"}}}
    assert arithmetic.profile(mine) == "workers: x86-64-v3 (numpy AVX2 Haswell, libc glibc-2.36), results 6c7f62e8"
    assert arithmetic.pinned(mine) and not arithmetic.pinned(other) and not arithmetic.pinned({"cpu": "old run"})
    assert arithmetic.difference({"a": mine, "b": mine}) == ""
    warning = arithmetic.difference({"a": mine, "b": other, "c": {"cpu": "old run"}})
    assert "different arithmetic" in warning and "b: workers: native" in warning and "c: not recorded" in warning
    assert arithmetic.profile({"s1": mine, "s2": mine}) == arithmetic.profile(mine)
    assert " and unknown" in arithmetic.profile({"s1": mine, "s2": {"cpu": "old run"}})
