"""Drawing and torch live in one process: Mesa and Triton each bring an LLVM (see ``crossbody.gl``)."""

import ast
import importlib.util
import subprocess
import sys

import pytest

from crossbody.catalog import ROOT

DRAWERS = ("Renderer", "GLContext", "MjrContext")
ROOMS = ("agents", "crossbody", "evaluators", "reports", "tasks", "training")

TOGETHER = """
from crossbody import gl
gl.prepare()
{first}
import mujoco
m = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 3"/><geom size=".3"/></worldbody></mujoco>')
d = mujoco.MjData(m); mujoco.mj_forward(m, d)
with mujoco.Renderer(m, 64, 64) as r:
    r.update_scene(d)
    assert r.render().max() > 0
import triton, torch._dynamo
print("alive")
"""


def alive(first: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", TOGETHER.format(first=first)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="this torch came without Triton")
@pytest.mark.parametrize("first", ["import envs", "import envs.robocasa.entry", "import torch"])
def test_a_process_that_draws_may_compile_afterwards(first):
    done = alive(first)
    assert done.stdout.strip() == "alive", done.stderr[-500:]


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="this torch came without Triton")
def test_importing_the_environments_is_enough():
    done = subprocess.run(
        [sys.executable, "-c", "import envs; print(any('libtriton' in l for l in open('/proc/self/maps')))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "True", done.stderr[-500:]


def test_only_the_environments_draw():
    drawing = [
        f"{source.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for source in (ROOT / room).rglob("*.py")
        if source != ROOT / "crossbody/gl.py"  # its trial picture comes after Triton
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in DRAWERS
    ]
    assert not drawing, f"these draw outside envs, where Triton may not be loaded yet: {drawing}"
