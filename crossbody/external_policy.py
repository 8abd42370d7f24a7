"""An external policy: a pretrained G1 tracker inside the package ``holosoma-inference`` (amazon-far/holosoma,
Apache-2.0).

Its ONNX file holds the policy, the dance that it tracks, and in its metadata the gains and the joints' names. The
dance's own licence is not known, so its frames are read from the installed package and never copied.
"""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.errors import CrossbodyError, MissingExtra

if TYPE_CHECKING:
    import numpy as np

POLICY = Path("models") / "wbt" / "ppo_g1_29dof_dancing.onnx"
SHA256 = "50c0d577"
OBSERVATION, JOINTS = 154, 29
FRAMES = 6574
"""Frames of the dance at 50 a second; later time steps repeat the last one."""

REMEDY = "`uv sync --extra holosoma` brings both"


@dataclass(frozen=True)
class Frame:
    """One time step of the policy's reference."""

    joints: np.ndarray  # (29,) rad
    joint_velocity: np.ndarray  # (29,) rad/s
    torso_position: np.ndarray  # (3,) m
    torso_quat_wxyz: np.ndarray  # (4,)


class ExternalPolicy:
    """The ONNX session, one thread, and what its metadata say of the robot, by joint: (29,) each.

    ``stiffness`` and ``damping`` of the motors, ``default`` angles, and ``scale``, the radians of target per unit of
    action: a quarter of effort / stiffness.
    """

    def __init__(self) -> None:
        import numpy as np

        onnxruntime = import_module("onnxruntime")

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(policy_file()), options, providers=["CPUExecutionProvider"])
        facts = self._session.get_modelmeta().custom_metadata_map
        self.joints: tuple[str, ...] = tuple(json.loads(facts["dof_names"]))
        self.stiffness, self.damping = (np.array(json.loads(facts[key]), np.float32) for key in ("kp", "kd"))
        config = json.loads(facts["experiment_config"])["robot"]
        default = config["init_state"]["default_joint_angles"]
        self.default = np.array([default[name] for name in self.joints], np.float32)
        effort = _efforts(json.loads(facts["robot_urdf"]))
        part = config["control"]["action_scale"]
        self.scale = np.array([part * effort[name] for name in self.joints], np.float32) / self.stiffness

    def __call__(self, observation: np.ndarray, step: int) -> np.ndarray:
        """Return the actions (29,) for an observation (154,) at a time step."""
        return self._run(observation, step)["actions"]

    def frame(self, step: int) -> Frame:
        """Return the reference at a time step."""
        import numpy as np

        found = self._run(np.zeros(OBSERVATION, np.float32), step)
        x, y, z, w = found["ref_quat_xyzw"]
        return Frame(found["joint_pos"], found["joint_vel"], found["ref_pos_xyz"], np.array([w, x, y, z]))

    def _run(self, observation: np.ndarray, step: int) -> dict[str, np.ndarray]:
        import numpy as np

        given: dict[str, Any] = {
            "obs": observation.astype(np.float32)[None],
            "time_step": np.array([[step]], np.float32),
        }
        names = [output.name for output in self._session.get_outputs()]
        found = self._session.run(names, given)
        return {name: np.asarray(value)[0] for name, value in zip(names, found, strict=True)}


def _efforts(urdf: str) -> dict[str, float]:
    """Return joint -> effort limit, N m."""
    found = {}
    for joint in ElementTree.fromstring(urdf).iter("joint"):
        limit = joint.find("limit")
        if limit is not None:
            found[joint.get("name", "")] = float(limit.get("effort", "nan"))
    return found


@cache
def load() -> ExternalPolicy:
    """Return the policy, one for each process; MissingExtra with the command that brings it."""
    policy_file()
    return ExternalPolicy()


def policy_file() -> Path:
    """Return the path of the policy; MissingExtra where a package is absent,
    CrossbodyError for a file that is not the one."""
    missing = [name for name in ("holosoma_inference", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"the external policy needs {' and '.join(missing)}; {REMEDY}.")
    spec = find_spec("holosoma_inference")
    assert spec is not None and spec.submodule_search_locations
    file = Path(next(iter(spec.submodule_search_locations))) / POLICY
    if not file.exists():
        raise MissingExtra(f"holosoma-inference has no {POLICY}; version 0.1.3 does. {REMEDY}.")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if not digest.startswith(SHA256):
        raise CrossbodyError(f"{file} has the sha256 {digest[:8]}; expected {SHA256}, that of version 0.1.3. {REMEDY}.")
    return file
