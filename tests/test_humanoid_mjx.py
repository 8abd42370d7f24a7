"""MuJoCo XLA beside MuJoCo: one scratch model for all robots, JAX's memory, and how far the capped solver may stray."""

from __future__ import annotations

import copy
import importlib
import os

import mujoco
import numpy as np
import pytest
import torch

from envs.humanoid import physics
from envs.humanoid.backends import mjx
from envs.humanoid.backends.mujoco import change, compile_model
from envs.humanoid.robot import load
from tests.humanoid_backends import make_backend
from tests.humanoids import standing

ROBOT = load()
VARIATIONS = ((0.3, -1.0, 0.7), (1.1, 6.0, 1.2), (0.8, 0.0, 1.0))


def trajectory(backend: physics.Physics, steps: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return joint angles and root positions of two robots over steps: those of ``python -m benchmarks humanoid``."""
    noise = torch.randn(steps, 2, len(ROBOT.joint_names), generator=torch.Generator().manual_seed(0))
    backend.reset_idx(torch.arange(2), *standing(ROBOT, 2))
    seen = []
    for offset in 0.1 * noise:
        backend.set_targets(torch.tensor(ROBOT.default_angles, dtype=torch.float32) + offset)
        backend.step(4)
        seen.append((backend.dof_state[..., 0].clone(), backend.root_state[:, :3].clone()))
    return seen


def test_one_scratch_model_after_another_robot_is_as_a_fresh_copy():
    nominal = compile_model(ROBOT, 0.005)
    scratch, data = copy.copy(nominal), mujoco.MjData(nominal)
    for row in VARIATIONS:
        fresh = copy.copy(nominal)
        change(fresh, nominal, mujoco.MjData(nominal), "torso_link", row)
        change(scratch, nominal, data, "torso_link", row)
        for name in mjx.VARYING:
            np.testing.assert_array_equal(getattr(scratch, name), getattr(fresh, name), err_msg=name)


def test_jax_is_told_to_leave_the_gpu_s_memory_before_it_is_imported(monkeypatch):
    told = {}

    def imported(name: str):
        told[name] = os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE")
        return name

    monkeypatch.setattr(importlib, "import_module", imported)
    for before, expected in ((None, "false"), ("true", "true")):
        monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
        if before:
            monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", before)
        assert mjx._import_jax() == "jax"
        assert told == {"mujoco.mjx": expected, "jax": expected}


def test_a_gpu_that_only_jax_sees_is_refused(monkeypatch):
    class Jax:
        @staticmethod
        def default_backend() -> str:
            return "gpu"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(physics.PhysicsError, match="JAX simulates on gpu, but torch .* finds no CUDA GPU"):
        mjx._device(Jax)


@pytest.mark.sim
@pytest.mark.slow
def test_the_capped_solver_stays_near_mujoco():
    """Measured on a CPU: 0.00001, 1.07 and 3.26 mrad, 0.06 and 0.38 mm.
    With ten rounds instead of five the difference is a thousandth of it."""
    plain, batched = make_backend("mujoco", ROBOT, 2), make_backend("mjx", ROBOT, 2)
    true, near = trajectory(plain, 25), trajectory(batched, 25)
    plain.close()
    for steps, most_mrad, most_mm in ((1, 0.001, 0.001), (5, 4.0, 0.4), (25, 12.0, 2.0)):
        joints, root = (
            1000 * float((a - b).abs().mean()) for a, b in zip(true[steps - 1], near[steps - 1], strict=True)
        )
        assert joints < most_mrad and root < most_mm, (steps, joints, root)


@pytest.mark.sim
@pytest.mark.slow
def test_properties_of_any_number_of_robots_reach_their_rows():
    backend = make_backend("mjx", ROBOT, 2)
    nominal, data = compile_model(ROBOT, 0.005), mujoco.MjData(compile_model(ROBOT, 0.005))
    for ids in ([1], [0, 1]):
        rows = VARIATIONS[: len(ids)]
        backend.set_properties(torch.tensor(ids), physics.Properties(*torch.tensor(rows).T))
        for env, row in zip(ids, rows, strict=True):
            model = copy.copy(nominal)
            change(model, nominal, data, "torso_link", torch.tensor(row).tolist())
            for name, values in backend._fields.items():
                np.testing.assert_array_equal(values[env].numpy(), getattr(model, name).astype(np.float32), name)
