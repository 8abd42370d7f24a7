"""``crossbody doctor``: what works on this machine, and what to type where it does not."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from crossbody import gl
from crossbody.errors import CrossbodyError
from crossbody.extras import cache_folder
from crossbody.texts import printable

PACKAGES = {"praxis-robocasa-gr1": "0.2.0", "praxis-robosuite": "1.5.2.post1", "mujoco": "3.3.1", "numpy": "2.2.5"}
"""What must be installed in exactly this version: the simulator package refuses to start otherwise."""

ELSEWHERE = ("envs.robocasa.assets.status:findings", "evaluators.backbones.status:findings")
"""Functions of other rooms that return findings; imported only here, when they are needed."""

FREE_GB = 2


class Finding(NamedTuple):
    """One line of the report: ``mend`` is what to type, '' when all is well."""

    subject: str
    ok: bool
    text: str
    mend: str = ""


def main(argv: Sequence[str]) -> int:
    """Print the findings; return 1 when something must be mended."""
    argparse.ArgumentParser(prog="crossbody doctor", description=__doc__).parse_args(argv)
    from rich.console import Console
    from rich.text import Text

    console, healthy = Console(highlight=False), True
    for check in (_python, _packages, _graphics, _cache, *map(_elsewhere, ELSEWHERE)):
        for finding in check():
            healthy &= finding.ok
            mark = ("ok  ", "green") if finding.ok else ("mend", "red")
            console.print(Text.assemble(mark, f" {finding.subject:<22} {printable(finding.text)}"), soft_wrap=True)
            if finding.mend:
                console.print(Text.assemble("       type: ", (finding.mend, "bold")), soft_wrap=True)
    return 0 if healthy else 1


def _python() -> Iterator[Finding]:
    ok = (3, 11) <= sys.version_info[:2] < (3, 13)
    yield Finding(
        "python", ok, f"{platform.python_version()}, {os.cpu_count()} cores", "" if ok else "uv sync --python 3.11"
    )


def _packages() -> Iterator[Finding]:
    for name, wanted in PACKAGES.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        ok = found == wanted
        yield Finding(name, ok, found if ok else f"{found}, needs {wanted}", "" if ok else "uv sync")


def _graphics() -> Iterator[Finding]:
    results = [gl.check(backend) for backend in gl.BACKENDS]
    works = any(not r.error for r in results)
    for r in results:
        text = f"{r.ms_per_frame:.1f} ms per 640x400 frame" if r.ms_per_frame is not None else r.error
        yield Finding(
            f"GL {r.backend}", works, text if not r.error else f"not usable: {text}", "" if works else gl.INSTALL
        )
    named = os.environ.get("MUJOCO_GL", "")
    used = named or next((r.backend for r in results if not r.error), "")
    if used:
        drew = next((r for r in results if r.backend == used), None) or gl.check(used)
        text = f"{used}{' (from MUJOCO_GL)' if named else ''}, " + (drew.error or "drew a frame")
        yield Finding("GL in use", not drew.error, text, "unset MUJOCO_GL" if drew.error else "")


def _cache() -> Iterator[Finding]:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        yield Finding(
            "cache", False, f"{folder} cannot be written: {error.strerror}", "export CROSSBODY_CACHE=/a/folder/you/own"
        )
        return
    free = shutil.disk_usage(folder).free / 1e9
    yield Finding(
        "cache",
        free > FREE_GB,
        f"{folder}, {free:.0f} GB free",
        "" if free > FREE_GB else f"free {FREE_GB} GB or export CROSSBODY_CACHE=…",
    )


def _elsewhere(target: str) -> Callable[[], Iterator[Finding]]:
    def findings() -> Iterator[Finding]:
        module, _, function = target.partition(":")
        try:
            for subject, ok, text, mend in getattr(importlib.import_module(module), function)():
                yield Finding(subject, ok, text, mend)
        except CrossbodyError as error:
            yield Finding(target.partition(":")[0], False, str(error))

    return findings
