"""Pictures of a robot that does a motion, with the key points that it should follow beside it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from envs.humanoid import robot as robots
from tasks.motion.keypoints import KEYPOINTS
from tasks.motion.motion import Motion

SIZE = (480, 640)
COLOURS = {"left": (0.94, 0.55, 0.2, 1.0), "right": (0.3, 0.55, 0.95, 1.0)}
MIDDLE = (0.3, 0.32, 0.36, 1.0)
SKY = {
    "type": "skybox",
    "builtin": "gradient",
    "rgb1": "0.72 0.78 0.86",
    "rgb2": "0.95 0.96 0.97",
    "width": "64",
    "height": "384",
}
TILES = {
    "name": "tiles",
    "type": "2d",
    "builtin": "checker",
    "rgb1": "0.8 0.81 0.83",
    "rgb2": "0.74 0.75 0.78",
    "width": "256",
    "height": "256",
}
INK, CAPTION_PX = (45, 48, 54), 17
FOLLOWED, FOLLOWS = "what it follows", "the robot"
COLLISION_GROUP = 3


class Studio:
    """A robot before a camera that goes with it; call ``close`` when done."""

    def __init__(self, robot: robots.Robot, size: tuple[int, int] = SIZE, azimuth: float = 130.0):
        self._robot = robot
        self._model = mujoco.MjModel.from_xml_string(_furnished(robots.mjcf(robot, skin=True)))
        self._model.vis.global_.offheight, self._model.vis.global_.offwidth = size
        self._model.vis.headlight.ambient[:], self._model.vis.headlight.diffuse[:] = 0.45, 0.5
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, *size)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[COLLISION_GROUP] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.azimuth, self._camera.elevation, self._camera.distance = azimuth, -10, 2.4
        turned = np.deg2rad(azimuth)
        self.left = np.array([-np.sin(turned), np.cos(turned), 0.0])
        """The way to the left of the picture, (3,) in the world."""

    def frame(self, qpos: np.ndarray, points: np.ndarray | None = None) -> np.ndarray:
        """Return a picture (height, width, 3) uint8 of a pose (7 + D,), with key points (15, 3)
        as a skeleton where given."""
        self._data.qpos[:] = qpos
        mujoco.mj_forward(self._model, self._data)
        middle = qpos[:2] if points is None else 0.5 * (qpos[:2] + points[0, :2])
        self._camera.lookat[:] = [*middle, 0.65]
        self._renderer.update_scene(self._data, self._camera, self._options)
        if points is not None:
            self._skeleton(points)
        return self._renderer.render()

    def _skeleton(self, points: np.ndarray) -> None:
        scene = self._renderer.scene
        for index, point in enumerate(KEYPOINTS):
            colour = np.array(COLOURS.get(point.name.partition("_")[0], MIDDLE), np.float32)
            geom = scene.geoms[scene.ngeom]
            mujoco.mjv_initGeom(
                geom, mujoco.mjtGeom.mjGEOM_SPHERE, np.full(3, 0.03), points[index], np.eye(3).ravel(), colour
            )
            scene.ngeom += 1
            if point.parent >= 0:
                bone = scene.geoms[scene.ngeom]
                kind = mujoco.mjtGeom.mjGEOM_CAPSULE
                mujoco.mjv_initGeom(bone, kind, np.zeros(3), np.zeros(3), np.zeros(9), colour)
                mujoco.mjv_connector(bone, kind, 0.014, points[point.parent], points[index])
                scene.ngeom += 1

    def close(self) -> None:
        """Give the renderer back."""
        self._renderer.close()


def poses(motion: Motion, robot: robots.Robot) -> np.ndarray:
    """Return qpos (T, 7 + D) of a motion with joint angles."""
    assert motion.joint_angles is not None
    angles = robot.angles(motion.joint_angles, motion.joint_names, motion.name)
    return np.concatenate([motion.root_position, motion.root_quat_wxyz, angles], axis=1)


def sheet(motion: Motion, robot: robots.Robot, count: int = 10, size: tuple[int, int] = (240, 180)) -> np.ndarray:
    """Return ``count`` moments of a motion side by side, (height, count * width, 3) uint8."""
    studio, qpos = Studio(robot, size), poses(motion, robot)
    try:
        moments = np.linspace(0, len(qpos) - 1, count).round().astype(int)
        return np.concatenate([studio.frame(qpos[i]) for i in moments], axis=1)
    finally:
        studio.close()


def film(
    motion: Motion, robot: robots.Robot, reference: np.ndarray, fps: float, beside: float = 0.9
) -> Iterator[np.ndarray]:
    """Yield pictures at ``fps`` of the robot with the reference's key points (T, 15, 3),
    ``beside`` metres to the left in the picture."""
    studio, qpos = Studio(robot), poses(motion, robot)
    try:
        for time in np.arange(0, (len(qpos) - 1) / motion.fps, 1 / fps):
            index = min(round(time * motion.fps), len(qpos) - 1)
            yield captioned(studio.frame(qpos[index], reference[index] + studio.left * beside), float(time))
    finally:
        studio.close()


def captioned(picture: np.ndarray, seconds: float) -> np.ndarray:
    """Return a picture with the names of its two figures over them, and the time in the corner."""
    drawn = Image.fromarray(picture)
    height, width = picture.shape[:2]
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(CAPTION_PX)
    for place, text in ((0.32, FOLLOWED), (0.68, FOLLOWS)):
        pen.text((place * width, 24), text, INK, font, anchor="mm")
    pen.text((width - 12, height - 12), f"{seconds:.1f} s", INK, font, anchor="rs")
    return np.asarray(drawn)


def _furnished(xml: str) -> str:
    """Return a model with a light sky and a tiled floor, on which one sees how far a robot walks."""
    root = ET.fromstring(xml)
    asset = root.find("asset")
    asset = ET.SubElement(root, "asset") if asset is None else asset
    for texture in (SKY, TILES):
        ET.SubElement(asset, "texture", texture)
    ET.SubElement(asset, "material", name="tiles", texture="tiles", texuniform="true", texrepeat="1 1", emission="0.4")
    floor = next(geom for geom in root.iter("geom") if geom.get("name") == "floor")
    floor.set("material", "tiles")
    floor.set("rgba", "1 1 1 1")
    return ET.tostring(root, encoding="unicode")
