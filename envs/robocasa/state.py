"""The state of a simulation: everything that its next step depends on, besides its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    import mujoco


class SceneMismatch(CrossbodyError):
    """A recorded scene that this task, pack or version cannot rebuild."""


@dataclass(frozen=True)
class State:
    """Float64 arrays in MuJoCo's order: positions, velocities, actuator controls and where the solver starts.

    The torque law of the robot has no memory (its goals come with every action), no task applies forces of its own, and
    nothing draws random numbers after a reset, so this is all. ``tests/test_robocasa_restore.py`` holds that.
    """

    time: float  # s, MuJoCo's clock
    qpos: np.ndarray  # (nq,) m, rad, quaternions w x y z
    qvel: np.ndarray  # (nv,) m/s, rad/s
    ctrl: np.ndarray  # (nu,)
    warmstart: np.ndarray  # (nv,) accelerations from which the solver starts

    @staticmethod
    def read(data: mujoco.MjData) -> State:
        """Return the state that a simulation is in."""
        arrays = (a.copy() for a in (data.qpos, data.qvel, data.ctrl, data.qacc_warmstart))
        return State(data.time, *arrays)

    @staticmethod
    def at_rest(qpos: np.ndarray, qvel: np.ndarray, controls: int) -> State:
        """Return the state at time 0 with no control yet and a solver that starts from zero."""
        return State(0.0, qpos, qvel, np.zeros(controls), np.zeros(len(qvel)))

    @staticmethod
    def parse(scene: Mapping[str, Any]) -> State:
        """Return the state that a scene manifest records."""
        kept = scene["state"]
        arrays = (scene["qpos"], kept["qvel"], kept["ctrl"], kept["warmstart"])
        return State(float(kept["time"]), *(np.array(a, dtype=float) for a in arrays))

    def write(self, data: mujoco.MjData) -> None:
        """Put a simulation into this state; what follows from it (poses, contacts) is for ``mj_forward``.

        One whose model has other joints or actuators raises SceneMismatch.
        """
        own = (data.qpos, data.qvel, data.ctrl, data.qacc_warmstart)
        ours = (self.qpos, self.qvel, self.ctrl, self.warmstart)
        here, recorded = ([len(a) for a in arrays] for arrays in (own, ours))
        if here != recorded:
            raise SceneMismatch(
                f"the scene's model has {here[0]} positions, {here[1]} velocities and {here[2]} actuators "
                "here, the recorded "
                f"state has {recorded[0]}, {recorded[1]} and {recorded[2]}: the simulator's versions or the "
                "assets differ"
            )
        data.time = self.time
        for array, value in zip(own, ours, strict=True):
            array[:] = value

    def plain(self) -> dict[str, Any]:
        """Return what a manifest keeps besides ``qpos``; JSON holds a float64 exactly."""
        return {
            "time": self.time,
            "qvel": self.qvel.tolist(),
            "ctrl": self.ctrl.tolist(),
            "warmstart": self.warmstart.tolist(),
        }
