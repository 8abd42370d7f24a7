"""What a frame of a GR1 demonstration holds, and how it is read from the simulator.

Two action spaces: joints (29) and end effectors (57: camera, and per hand the wrist and five fingertips). Positions are
metres and rotations the first two columns of the rotation matrix, in the frame of the robot's base (x ahead, y left, z
up)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks import gr1
from training.data.layout import Layout, Part, consecutive

HZ = 20
SIDES = ("left", "right")
FINGERS = ("thumb_distal", "index_intermediate", "middle_intermediate", "ring_intermediate", "pinky_intermediate")
END_EFFECTORS = {"camera": 9, "left_wrist": 9, "left_fingertips": 15, "right_wrist": 9, "right_fingertips": 15}
TARGETS = ("object", "container")

_JOINTS = gr1.PARTS
_POSITION = 3


def layout(demonstration: bool = True, picture_every: int = 1) -> Layout:
    """Return the columns of a data set: those of a demonstration, or those of single frames, which have no action."""
    parts: dict[str, Part] = {}
    for section, column in (("state", "observation.state"), ("action", "action"))[: 1 + demonstration]:
        parts |= consecutive(column, {f"{section}.{name}": n for name, n in _JOINTS.items()})
        effectors = "observation.eef" if section == "state" else "action.eef"
        parts |= consecutive(effectors, {f"{section}.{name}": n for name, n in END_EFFECTORS.items()})
    for name in TARGETS:
        parts |= consecutive(f"privileged.{name}", {f"privileged.{name}": _POSITION})
    cameras = {gr1.EGO.name: "observation.images.ego_view"}
    return Layout("gr1", HZ, parts, cameras, {gr1.LANGUAGE.name: gr1.LANGUAGE.name}, picture_every)


class Reader:
    """Reads end effectors and targets of the scene that a simulator holds; a new scene needs a new one."""

    def __init__(self, simulator: Any):
        self._task, self._data = simulator.task, simulator.data
        model = simulator.model
        self._base = model.body("robot0_base").id
        self._camera = model.camera("egoview").id
        self._wrists = {side: model.body(f"robot0_{side[0]}_hand_pitch").id for side in SIDES}
        self._tips = {side: [_tip(model, side, finger) for finger in FINGERS] for side in SIDES}

    def end_effectors(self) -> dict[str, np.ndarray]:
        """Return camera (9,), wrists (9,) and fingertips (15,) of both hands, base frame, float32."""
        data = self._data
        found = {"camera": self._pose(data.cam_xpos[self._camera], data.cam_xmat[self._camera])}
        for side in SIDES:
            wrist = self._wrists[side]
            found[f"{side}_wrist"] = self._pose(data.xpos[wrist], data.xmat[wrist])
            tips = [self._local(data.xpos[b] + data.xmat[b].reshape(3, 3) @ at) for b, at in self._tips[side]]
            found[f"{side}_fingertips"] = np.concatenate(tips)
        return {name: value.astype(np.float32) for name, value in found.items()}

    def targets(self) -> dict[str, np.ndarray]:
        """Return where the object and the container (or the middle of the fixture's room) are, base frame,
        float32 (3,)."""
        bodies = self._task.obj_body_id
        object_w = self._data.xpos[bodies["obj"]]
        container_w = self._data.xpos[bodies["container"]] if "container" in bodies else self._room()
        places = dict(zip(TARGETS, (object_w, container_w), strict=True))
        return {name: self._local(place).astype(np.float32) for name, place in places.items()}

    def _room(self) -> np.ndarray:
        fixture = next(
            getattr(self._task, kind) for kind in ("drawer", "microwave", "cabinet") if hasattr(self._task, kind)
        )
        corners = np.array(fixture.get_int_sites(relative=False))
        return (corners.min(axis=0) + corners.max(axis=0)) / 2

    def _local(self, point: np.ndarray) -> np.ndarray:
        rotation = self._data.xmat[self._base].reshape(3, 3)
        return rotation.T @ (point - self._data.xpos[self._base])

    def _pose(self, position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        local = self._data.xmat[self._base].reshape(3, 3).T @ rotation.reshape(3, 3)
        return np.concatenate([self._local(position), local[:, 0], local[:, 1]])


def _tip(model: Any, side: str, finger: str) -> tuple[int, np.ndarray]:
    """Return a finger's last body and where that body ends (3,), in its own frame: opposite to its joint."""
    body = model.body(f"gripper0_{side}_{side[0].upper()}_{finger}_link").id
    geom = model.body_geomadr[body]
    rotation = np.zeros(9)
    import mujoco

    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    center = model.geom_pos[geom] + rotation.reshape(3, 3) @ model.geom_aabb[geom, :3]
    return body, 2 * center
