"""Pictures of a tracking episode: the robot with its skin, and the reference's key points as dots beside it."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.humanoid.robot import Robot, mjcf

HEIGHT, WIDTH = 360, 480
DOT_M, DOT_COLOUR = 0.025, np.array([0.9, 0.25, 0.15, 0.9], np.float32)
FLOOR_COLOUR = (0.85, 0.86, 0.88, 1.0)
COLLISION_GROUP = 3


class Picture:
    """Draws one robot. The camera looks at it from the side and goes along."""

    def __init__(self, robot: Robot):
        self._model = mujoco.MjModel.from_xml_string(mjcf(robot, skin=True))
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = WIDTH, HEIGHT
        light = self._model.vis.headlight
        light.ambient[:], light.diffuse[:] = 0.35, 0.6
        self._model.geom("floor").rgba[:] = FLOOR_COLOUR
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, HEIGHT, WIDTH)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[COLLISION_GROUP] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.distance, self._camera.azimuth, self._camera.elevation = 2.4, 140, -12

    def draw(self, root: np.ndarray, joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Return (360, 480, 3) uint8 of a root pose (7,), joint angles (D,) and reference key points (15, 3)."""
        self._data.qpos[:7], self._data.qpos[7:] = root, joints
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)  # lights and camera hang on it
        self._camera.lookat[:] = root[0], root[1], 0.75
        self._renderer.update_scene(self._data, self._camera, self._options)
        scene = self._renderer.scene
        for point in reference:
            if scene.ngeom < scene.maxgeom:
                size = np.array([DOT_M, 0.0, 0.0])
                shape = mujoco.mjtGeom.mjGEOM_SPHERE
                mujoco.mjv_initGeom(
                    scene.geoms[scene.ngeom], shape, size, point.astype(float), np.eye(3).ravel(), DOT_COLOUR
                )
                scene.ngeom += 1
        return self._renderer.render()

    def close(self) -> None:
        self._renderer.close()
