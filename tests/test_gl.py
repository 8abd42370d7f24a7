"""Which GL draws: believed only when it has drawn a picture, and an error that says what to type."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from crossbody import doctor, gl
from crossbody.errors import MissingExtra


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    return tmp_path / "gl.json"


@pytest.fixture
def only_egl(monkeypatch):
    """Only EGL draws; the backends that were tried are noted."""
    tried: list[str] = []

    def probe(backend: str) -> gl.Probe:
        tried.append(backend)
        return gl.Probe(backend, 1.0, "") if backend == "egl" else gl.Probe(backend, None, f"no {backend} here")

    monkeypatch.setattr(gl, "probe", probe)
    return tried


@pytest.mark.parametrize("named", ["nonsense", "glfw"])
def test_a_backend_that_the_user_names_is_believed_only_when_it_draws(cache, only_egl, monkeypatch, named):
    monkeypatch.setenv("MUJOCO_GL", named)
    with pytest.raises(MissingExtra) as caught:
        gl.choose()
    assert str(caught.value) == (
        f"no picture can be drawn with MUJOCO_GL={named} here (no {named} here). Type `unset MUJOCO_GL` to let "
        "Crossbody choose "
        f"one of egl and osmesa, or install them with `{gl.INSTALL}`; `uv run crossbody doctor` says what works."
    )


def test_a_named_backend_that_drew_is_remembered_with_its_display_and_asked_once(cache, only_egl, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    assert gl.choose() == gl.choose() == gl.variables("egl")
    assert only_egl == ["egl"]
    monkeypatch.setenv("DISPLAY", ":7")
    gl.choose()
    assert only_egl == ["egl", "egl"]


def test_doctor_says_ok_of_the_backend_in_use_only_when_it_drew(cache, only_egl, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    found = {f.subject: f for f in doctor._graphics()}
    assert found["GL egl"].ok
    used = found["GL in use"]
    assert (used.ok, used.text, used.mend) == (False, "nonsense (from MUJOCO_GL), no nonsense here", "unset MUJOCO_GL")
    monkeypatch.delenv("MUJOCO_GL")
    used = {f.subject: f for f in doctor._graphics()}["GL in use"]
    assert (used.ok, used.text) == (True, "egl, drew a frame")


def test_a_backend_that_stops_drawing_is_forgotten(cache, only_egl, monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    gl.choose()
    assert "egl" in json.loads(cache.read_text()).values()
    monkeypatch.setattr(gl, "probe", lambda backend: gl.Probe(backend, None, "driver gone"))
    assert gl.check("egl").error == "driver gone"
    assert json.loads(cache.read_text()) == {}


@pytest.mark.sim
def test_a_run_with_a_useless_gl_stops_before_a_worker_and_a_folder(tmp_path):
    command = [sys.executable, "-m", "evaluators.commands.evaluate", "--agent", "zero", "--suite", "robocasa_gr1"]
    environ = {**os.environ, "MUJOCO_GL": "nonsense", "CROSSBODY_CACHE": str(tmp_path / "cache")}
    out = tmp_path / "r"
    done = subprocess.run([*command, "--limit", "1", "--out", str(out)], env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no picture can be drawn with MUJOCO_GL=nonsense here (")
    assert "Type `unset MUJOCO_GL`" in done.stderr and "Traceback" not in done.stderr
    assert not out.exists()
