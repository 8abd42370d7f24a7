"""What the head camera sees, and a picture of the scene from the side for people."""

from __future__ import annotations

import mujoco
import numpy as np

from crossbody import gl
from envs.humanoid.vision.world import World
from tasks.humanoid_vision import PICTURE_PX, STEPS_PER_PICTURE

CAMERA = "head_camera"
HEIGHT, WIDTH = 360, 480
COLLISION_GROUP = 3


class Cameras:
    """The cameras of one scene. The head camera takes a picture every tenth control step;
    between them the last one stands."""

    def __init__(self, world: World):
        self._world = world
        self._head: mujoco.Renderer | None = None
        self._side: mujoco.Renderer | None = None
        self._taken, self._picture = -STEPS_PER_PICTURE, np.zeros((PICTURE_PX, PICTURE_PX, 3), np.uint8)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[COLLISION_GROUP] = 0
        self._view = mujoco.MjvCamera()
        self._view.distance, self._view.azimuth, self._view.elevation = 3.4, 130, -14

    def ahead(self, step: int) -> np.ndarray:
        """Return the head camera's last picture at a control step, (96, 96, 3) uint8."""
        if step - self._taken >= STEPS_PER_PICTURE:
            gl.refuse_forked()
            self._head = self._head or mujoco.Renderer(self._world.model, PICTURE_PX, PICTURE_PX)
            self._picture, self._taken = self._draw(self._head, CAMERA), step
        return self._picture

    def camera(self) -> np.ndarray:
        """Return position and orientation wxyz (7,) of the head camera, which looks along its -z with y up."""
        mujoco.mj_camlight(self._world.model, self._world.data)
        camera, quat = self._world.data.camera(CAMERA), np.zeros(4)
        mujoco.mju_mat2Quat(quat, camera.xmat)
        return np.concatenate([camera.xpos, quat]).astype(np.float32)

    def beside(self) -> np.ndarray:
        """Return (360, 480, 3) uint8 from the side, with what the head camera sees in the upper right corner."""
        gl.refuse_forked()
        self._side = self._side or mujoco.Renderer(self._world.model, HEIGHT, WIDTH)
        self._head = self._head or mujoco.Renderer(self._world.model, PICTURE_PX, PICTURE_PX)
        root = self._world.root_state[0]
        self._view.lookat[:] = float(root[0]) + 0.5, float(root[1]), 0.7
        picture = self._draw(self._side, self._view)
        picture[:PICTURE_PX, WIDTH - PICTURE_PX :] = self._draw(self._head, CAMERA)
        return picture

    def close(self) -> None:
        for renderer in (self._head, self._side):
            if renderer is not None:
                renderer.close()

    def _draw(self, renderer: mujoco.Renderer, camera: str | mujoco.MjvCamera) -> np.ndarray:
        mujoco.mj_camlight(self._world.model, self._world.data)
        renderer.update_scene(self._world.data, camera, self._options)
        return renderer.render()
