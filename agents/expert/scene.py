"""Privileged reading of a RoboCasa GR1 scene: where objects, containers and fixtures are, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np


@dataclass(frozen=True)
class Box:
    """An oriented bounding box in the world: centre (3,), rotation (3, 3), half sizes (3,) along its own axes."""

    center: np.ndarray
    rotation: np.ndarray
    half: np.ndarray

    @property
    def extent(self) -> np.ndarray:
        """Half sizes (3,) of the upright box around this one, along the world's axes."""
        return np.abs(self.rotation) @ self.half

    @property
    def top(self) -> float:
        return float(self.center[2] + self.extent[2])

    @property
    def bottom(self) -> float:
        return float(self.center[2] - self.extent[2])

    def long_axis(self) -> tuple[np.ndarray, float]:
        """Return the level direction (2,) in which the box is longest, and by how many metres more than across."""
        level = self.rotation[:2] * self.half
        directions, lengths, _ = np.linalg.svd(level)
        return directions[:, 0], float(lengths[0] - lengths[1])


class Scene:
    """One episode's objects and fixtures, read from the robosuite task and the simulation."""

    def __init__(self, task: Any, model: mujoco.MjModel, data: mujoco.MjData):
        self.task, self.model, self.data = task, model, data
        self._local: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def kind(self) -> str:
        """``drawer``, ``microwave``, ``cabinet`` or ``container``: where the object has to go."""
        for kind in ("drawer", "microwave", "cabinet"):
            if hasattr(self.task, kind):
                return kind
        return "container"

    def body(self, name: str) -> int:
        return int(self.task.obj_body_id[name])

    def bodies(self, name: str) -> frozenset[int]:
        """Return the ids of an object's bodies."""
        root = self.model.body_rootid[self.body(name)]
        return frozenset(np.flatnonzero(self.model.body_rootid == root).tolist())

    def position(self, name: str) -> np.ndarray:
        return self.data.xpos[self.body(name)].copy()

    def box(self, name: str) -> Box:
        """Return the box around an object's collision geoms."""
        body = self.body(name)
        rotation = self.data.xmat[body].reshape(3, 3).copy()
        if name not in self._local:
            self._local[name] = self._measure(name, self.data.xpos[body], rotation)
        low, high = self._local[name]
        return Box(self.data.xpos[body] + rotation @ ((low + high) / 2), rotation, (high - low) / 2)

    def drop_region(self) -> Box:
        """Return where the object has to end: the highest spawn region of a tiered container,
        else the container's box."""
        container = self.task.objects["container"]
        if not container.spawns:
            return self.box("container")
        geoms = [self.model.geom(spawn.get("name")).id for spawn in container.spawns]
        geom = max(geoms, key=lambda g: self.data.geom_xpos[g][2])
        rotation = self.data.geom_xmat[geom].reshape(3, 3).copy()
        size = self.model.geom_size[geom]
        if self.model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
            size = np.array([size[0], size[0], size[1]]) / np.sqrt([2, 2, 1])
        if self.model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_SPHERE:
            size = np.repeat(size[0], 3) / np.sqrt(3)
        return Box(self.data.geom_xpos[geom].copy(), rotation, size.copy())

    def is_tiered(self) -> bool:
        return bool(self.task.objects["container"].spawns)

    def _measure(self, name: str, origin: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        corners = []
        for geom in np.flatnonzero(np.isin(self.model.geom_bodyid, list(self.bodies(name)))):
            if not (self.model.geom_contype[geom] or self.model.geom_conaffinity[geom]):
                continue
            center, half = self.model.geom_aabb[geom, :3], self.model.geom_aabb[geom, 3:]
            signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
            local = (center + signs * half) @ self.data.geom_xmat[geom].reshape(3, 3).T + self.data.geom_xpos[geom]
            corners.append((local - origin) @ rotation)
        points = np.concatenate(corners)
        return points.min(axis=0), points.max(axis=0)
