"""Drawers and doors: what moves, what is inside, and where a point on the front goes when it shuts."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from agents.expert.body import subtree
from agents.expert.kinematics import rotation_matrix
from agents.expert.scene import Scene

CLOSED = 0.004  # share of the full opening; the package asks for 0.005


class Opening:
    """The fixture that an articulated task is about: one joint, the panel that it moves, and the room behind."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.fixture: Any = getattr(scene.task, scene.kind)
        model = scene.model
        suffix = {"drawer": "slidejoint", "microwave": "microjoint", "cabinet": "doorhinge"}[scene.kind]
        self.joint = model.joint(f"{self.fixture.name}_{suffix}").id
        self.bodies = subtree(model, model.jnt_bodyid[self.joint])
        self.panel = self._front_panel()

    @property
    def angle(self) -> float:
        """The joint's value: radians of a hinge, metres of a slide; 0 is shut."""
        return float(self.scene.data.qpos[self.scene.model.jnt_qposadr[self.joint]])

    def is_closed(self) -> bool:
        return bool(self.fixture.get_door_state(self.scene.task)["door"] <= CLOSED)

    def holds(self, name: str = "obj") -> bool:
        """Return whether the object's centre is in the room behind the panel."""
        low, high = self.interior()
        return bool(np.all(self.scene.position(name) > low) and np.all(self.scene.position(name) < high))

    def below(self, name: str) -> bool:
        """Return whether the room behind the panel lies under the object's centre, or around it."""
        low, high = self.interior()
        inside = (self.scene.position(name) > low)[:2] & (self.scene.position(name) < high)[:2]
        return bool(inside.all() and self.scene.position(name)[2] > low[2])

    def interior(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and the highest corner (3,) of the room inside, in the world."""
        sites = np.array(self.fixture.get_int_sites(relative=False))
        return sites.min(axis=0), sites.max(axis=0)

    def carried(self, point: np.ndarray, share: float) -> np.ndarray:
        """Return where a point (3,) that moves with the panel is when ``share`` of the way to shut has been gone."""
        data, model = self.scene.data, self.scene.model
        axis, way = data.xaxis[self.joint], -self.angle * share
        if model.jnt_type[self.joint] == mujoco.mjtJoint.mjJNT_SLIDE:
            return point + axis * way
        anchor = data.xanchor[self.joint]
        return anchor + rotation_matrix(axis * way) @ (point - anchor)

    def outward(self, point: np.ndarray, share: float = 0.0) -> np.ndarray:
        """Return the direction (3,) against which a point of the panel moves when it shuts."""
        step = self.carried(point, share) - self.carried(point, share + 1e-3)
        return step / np.linalg.norm(step)

    def panel_center(self) -> np.ndarray:
        return self.scene.data.geom_xpos[self.panel].copy()

    def panel_sizes(self) -> np.ndarray:
        """Return half the front's thickness, width and height (3,), metres; frames around the panel included."""
        size = self.scene.model.geom_size[self.panel]
        matrix = np.abs(self.scene.data.geom_xmat[self.panel].reshape(3, 3))
        up, thin = int(np.argmax(matrix[2])), int(np.argmin(size))
        if self.scene.kind == "microwave":
            return np.array([size[thin], size[3 - up - thin], size[up]])
        return np.array([size[thin], self.fixture.size[0] / 2, self.fixture.size[2] / 2])

    def _front_panel(self) -> int:
        """Id of the geom with the largest face among the boxes of the bodies that carry no handle or inner wall."""
        model = self.scene.model
        geoms = [
            g
            for g in np.flatnonzero(np.isin(model.geom_bodyid, self.bodies))
            if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_BOX
            and model.geom_contype[g]
            and "inner" not in model.geom(g).name
        ]
        return int(max(geoms, key=lambda g: np.prod(np.sort(model.geom_size[g])[1:])))
