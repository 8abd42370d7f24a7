"""What moves by itself in a scene: the pillar that comes, the partner who dances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from envs.humanoid.reference import FPS
from envs.humanoid.vision import figures, scenes
from envs.humanoid.vision.skills import Skills
from envs.humanoid.vision.world import OBJECT, World
from tasks.motion.keypoints import INDEX

WAITING, DANCING, DONE = 0, 1, 2
NOBODY = np.zeros((15, 3))


class Stage:
    """Puts things where they are at each control step. ``partner`` (15, 3) and ``phase`` say how the dance stands."""

    def __init__(self, scene: Mapping[str, Any], world: World, skills: Skills):
        self._scene, self._world = scene, world
        self._kind = scenes.task(scene["task"]).scene
        self.partner, self.phase = NOBODY, WAITING
        self._dance = NOBODY[None]
        if self._kind == "partner":
            frames = skills.make("dance", number=scene["dance"])
            # Opposite the robot, looking at it.
            self._dance = frames.keypoints * [-1, -1, 1] + [scene["distance"], 0, 0]
            _fit_limbs(world, self._dance[0])

    def move(self, step: int) -> None:
        """Put everything where it is at a control step."""
        if self._kind == "pillar":
            after = max(step / FPS - self._scene["wait_s"], 0.0)
            x, y = scenes.place(self._scene)
            height = scenes.PILLAR_HEIGHT_M / 2 + 0.01
            self._world.carry(OBJECT, np.array([x - self._scene["speed_m_s"] * after, y, height]))
        if self._kind == "partner":
            frame = step - round(self._scene["wait_s"] * FPS)
            last = len(self._dance) - 1
            self.phase = WAITING if frame < 0 else DANCING if frame <= last else DONE
            self.partner = self._dance[min(max(frame, 0), last)]
            for name, (middle, quat, _) in figures.limbs(self.partner).items():
                self._world.carry(name, middle, quat)
            self._world.carry(OBJECT, self.partner[INDEX["head"]])


def _fit_limbs(world: World, points: np.ndarray) -> None:
    for name, (_, _, half) in figures.limbs(points).items():
        geom = int(world.model.body(name).geomadr[0])
        world.model.geom_size[geom, 1] = half
        # The renderer leaves out what it takes to be out of sight by this radius.
        world.model.geom_rbound[geom] = half + figures.LIMB_M
    mujoco.mj_forward(world.model, world.data)
