"""The Isaac Gym backend end to end against a stand-in on MuJoCo: wiring, names, errors; not how PhysX behaves."""

from __future__ import annotations

import ast
import os
import signal
import sys
from pathlib import Path

import pytest
import torch

from envs.humanoid import physics
from envs.humanoid.backends.isaacgym import parent
from envs.humanoid.physics import PhysicsError
from envs.humanoid.robot import load
from tests.humanoid_backends import make_backend, standin_on_path
from tests.humanoids import standing

pytestmark = pytest.mark.sim
ROBOT = load()
ORIGINAL = parent.mjcf
FOLDER = Path(parent.__file__).parent
ALLOWED = {"numpy", "torch", "isaacgym", "channel", *sys.stdlib_module_names}


def started() -> parent.IsaacGym:
    backend = make_backend("isaacgym", ROBOT, 2)
    assert isinstance(backend, parent.IsaacGym)
    return backend


@pytest.fixture(scope="module")
def isaac():
    """A physics for the tests that leave it as they found it; starting one costs an import of torch."""
    backend = started()
    worker = backend._worker
    yield backend
    backend.close()
    backend.close()
    assert worker is not None and worker.returncode == 0, "closing did not end the worker"


@pytest.fixture(scope="module")
def doomed():
    """A physics for the tests that begin before the first step, or end it."""
    backend = started()
    yield backend
    backend.close()


@pytest.mark.parametrize("name", ["worker.py", "channel.py"])
def test_the_worker_is_python_3_7_with_numpy_and_torch_only(name):
    tree = ast.parse((FOLDER / name).read_text(), feature_version=(3, 7))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    assert found <= ALLOWED


def test_its_trajectory_is_mujoco_s_when_mujoco_stands_in(isaac):
    """Joints and bodies of the stand-in are in another order: only going by name gives the same numbers."""
    plain = physics.make("mujoco", ROBOT, 2, threads=1)
    generator = torch.Generator().manual_seed(0)
    root, joints = standing(ROBOT, 2)
    root[:, 7:] = 0.3 * torch.randn(2, 6, generator=generator)
    for backend in (isaac, plain):
        backend.reset_idx(torch.arange(2), root, joints)
    for _ in range(5):
        targets = joints[..., 0] + 0.1 * torch.randn(2, len(ROBOT.joint_names), generator=generator)
        for backend in (isaac, plain):
            backend.set_targets(targets)
            backend.step(4)
    plain.close()
    for name in ("root_state", "dof_state", "body_state"):
        torch.testing.assert_close(getattr(isaac, name), getattr(plain, name), atol=2e-3, rtol=0)
    torch.testing.assert_close(isaac.contact_forces, plain.contact_forces, atol=1.0, rtol=0.01)


def test_a_payload_is_taken_before_the_first_step(doomed):
    properties = physics.Properties.nominal(2)
    properties.payload_kg[1] = 6.0
    doomed.set_properties(torch.arange(2), properties)
    doomed.reset_idx(torch.arange(2), *standing(ROBOT, 2))
    weights = []
    for _ in range(25):
        doomed.step(4)
        weights.append(doomed.contact_forces[..., 2].sum(1).clone())
    mean = torch.stack(weights[5:]).mean(0)
    assert float(mean[1] - mean[0]) == pytest.approx(6 * 9.81, rel=0.5)
    doomed.set_properties(torch.arange(2), properties)
    with pytest.raises(PhysicsError, match="takes payloads before the first reset or step only"):
        doomed.set_properties(torch.arange(2), physics.Properties.nominal(2))


def test_a_push_and_a_reset_before_one_step_both_count(isaac):
    isaac.reset_idx(torch.arange(2), *standing(ROBOT, 2, height=3.0))
    isaac.push(torch.tensor([1]), torch.tensor([[1.0, 0.0, 0.0]]))
    isaac.step(1)
    assert isaac.root_state[:, 2].tolist() == pytest.approx([3.0, 3.0], abs=0.01)
    assert float(isaac.root_state[1, 7]) == pytest.approx(1.0, abs=0.1)


def test_an_interpreter_without_isaac_gym_is_told_what_to_install(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    version = "{}.{}".format(*sys.version_info[:2])
    with pytest.raises(PhysicsError) as caught:
        physics.make("isaacgym", ROBOT, 1, python=sys.executable)
    message = str(caught.value)
    assert f"Isaac Gym cannot be imported by {sys.executable} (Python {version}): No module named 'isaacgym'" in message
    assert f"it runs under Python 3.6 to 3.8 and this is {version}" in message
    assert "set CROSSBODY_ISAACGYM_PYTHON to that interpreter; `--backend mujoco` works now" in message


def test_isaac_gym_under_a_wrong_python_is_told_which_one_it_needs(monkeypatch, tmp_path):
    (tmp_path / "isaacgym").mkdir()
    (tmp_path / "isaacgym" / "__init__.py").write_text("raise RuntimeError('No gym module found for this Python')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(
        PhysicsError, match="No gym module found for this Python; it runs under Python 3.6 to 3.8 and this is"
    ):
        physics.make("isaacgym", ROBOT, 1, python=sys.executable)


def test_without_any_old_python_the_message_says_what_is_needed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(parent.PYTHON_VARIABLE, raising=False)
    with pytest.raises(
        PhysicsError, match="runs under Python 3.6 to 3.8.*none is on the PATH.*`--backend mujoco` works"
    ):
        parent.find_python()


def test_the_interpreter_is_the_one_that_is_told_then_the_variable_s(monkeypatch):
    monkeypatch.setenv(parent.PYTHON_VARIABLE, "/opt/old/python")
    assert parent.find_python("/mine") == "/mine" and parent.find_python() == "/opt/old/python"


def test_an_interpreter_that_is_not_there_is_named():
    with pytest.raises(PhysicsError, match="Isaac Gym's Python '/nowhere/python' does not start"):
        physics.make("isaacgym", ROBOT, 1, python="/nowhere/python")


def test_a_program_that_is_no_python_is_named_with_its_exit_code(tmp_path):
    shim = tmp_path / "python3.8"
    shim.write_text("#!/bin/sh\necho no version is set >&2\nexit 127\n")
    shim.chmod(0o755)
    with pytest.raises(PhysicsError) as caught:
        physics.make("isaacgym", ROBOT, 1, python=str(shim))
    message = str(caught.value)
    assert f"it ended with the exit code 127. Is {shim} a Python 3.6 to 3.8?" in message
    assert "`--backend mujoco` works now" in message and "no version is set" in message


def test_a_worker_that_dies_is_reported_and_not_waited_for(doomed):
    assert doomed._worker is not None
    os.kill(doomed._worker.pid, signal.SIGKILL)
    with pytest.raises(PhysicsError, match="Isaac Gym's worker failed: it ended with the exit code -9"):
        doomed.step(1)
    with pytest.raises(PhysicsError, match="worker has ended; make the physics anew"):
        doomed.step(1)


def test_an_importer_that_drops_a_joint_is_noticed(monkeypatch):
    monkeypatch.setattr(
        parent, "mjcf", lambda robot, **options: ORIGINAL(robot, **options).replace("left_knee_joint", "knee")
    )
    with (
        standin_on_path(),
        pytest.raises(PhysicsError, match="differs from its description at the joint left_knee_joint"),
    ):
        physics.make("isaacgym", ROBOT, 1, simulates_on="cpu", python=sys.executable)
