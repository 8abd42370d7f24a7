"""A scene that can be posed: hands, head, the carried thing and the drawer go where they are told,
and no physics runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from envs.human import arms, drawer
from envs.human.hand import JOINTS, SIDES
from envs.human.scene import CARRIED, Scene
from envs.robocasa.render_presets import RenderPreset
from envs.robocasa.rendering import CROP, EGO_SIZE, PICTURE, Renderer

RENDER_PRESET = RenderPreset("human", ego_scale=0.5, multisamples=0, shadows=False, decimated=False)
FAR_M = 0.4  # from which rays look for the carried thing's surface


@dataclass(frozen=True)
class HandPose:
    """Where a hand is (3,), how it is turned (3, 3), and its fingers' joints, finger -> (4,)."""

    place: np.ndarray
    turn: np.ndarray
    fingers: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Posture:
    """Everything that moves, at one moment."""

    hands: Mapping[str, HandPose]
    eye: tuple[np.ndarray, np.ndarray]  # the camera's place (3,) and axes (3, 3): x right, y up, looking along -z
    carried: tuple[np.ndarray, np.ndarray]  # place (3,) and rotation (3, 3)
    opened_m: float = 0.0  # of the drawer


class Stage:
    """The model of a scene, and the kinematics of what is shown on it."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.model = scene.compile()
        self.data = mujoco.MjData(self.model)
        self.hands = {side: scene.person.hand(side) for side in SIDES}
        self.arms: dict[str, arms.Arm] = {}
        self._slots = {
            f"{finger.prefix}_{joint}": self.model.joint(f"{finger.prefix}_{joint}").qposadr[0]
            for hand in self.hands.values()
            for finger in hand.fingers.values()
            for joint in JOINTS
        }
        self._free = {n: self._free_slot(n) for s in SIDES for n in (f"{s}Arm", f"{s}Forearm", f"{s}Hand")}
        self._free["thing_0"] = self._free_slot("thing_0")
        names = [self.model.body(number).name for number in range(self.model.nbody)]
        self._bodies = {name: number for number, name in enumerate(names) if name.startswith(SIDES)}
        self._mask = np.zeros(mujoco.mjNGROUP, np.uint8)
        self._mask[CARRIED] = 1
        self.reset()

    def reset(self) -> None:
        """Put everything where the scene has it."""
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_kinematics(self.model, self.data)

    def show(self, posture: Posture) -> None:
        """Put everything where a posture has it; elbows and shoulders follow the hands."""
        for side, pose in posture.hands.items():
            arm = arms.reach(self.scene.person.shoulder(side), pose.place, pose.turn, self.scene.person.size)
            self.arms[side] = arm
            self._put(f"{side}Arm", arm.shoulder, arm.upper)
            self._put(f"{side}Forearm", arm.elbow, arm.fore)
            self._put(f"{side}Hand", pose.place, pose.turn)
            for name, q in pose.fingers.items():
                for joint, value in zip(JOINTS, q, strict=True):
                    self.data.qpos[self._slots[f"{side}{name}_{joint}"]] = value
        self._put("thing_0", *posture.carried)
        if self.scene.drawer:
            self.data.joint(drawer.JOINT).qpos[0] = -posture.opened_m
        self.data.mocap_pos[0] = posture.eye[0]
        mujoco.mju_mat2Quat(self.data.mocap_quat[0], posture.eye[1].ravel())
        mujoco.mj_kinematics(self.model, self.data)

    def picture(self, renderer: Renderer) -> np.ndarray:
        """Return what the head camera sees, uint8 (256, 256, 3), cut and padded as the robot's."""
        mujoco.mj_camlight(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)  # the renderer sorts lights and geoms by it
        return renderer.ego(self.model, self.data)["video.ego_view"]

    def poses(self) -> dict[str, np.ndarray]:
        """Return the poses (4, 4) of all bodies of both arms in the scene's frame."""
        numbers = list(self._bodies.values())
        found = np.tile(np.eye(4), (len(numbers), 1, 1))
        found[:, :3, :3] = self.data.xmat[numbers].reshape(-1, 3, 3)
        found[:, :3, 3] = self.data.xpos[numbers]
        return dict(zip(self._bodies, found, strict=True))

    def touch(self, middle: np.ndarray, way: np.ndarray) -> np.ndarray | None:
        """Return where a ray to ``middle`` (3,), coming against ``way`` (3,), meets the carried thing;
        None if it does not."""
        start = middle + FAR_M * way
        geom = np.zeros(1, np.int32)
        far = mujoco.mj_ray(self.model, self.data, start, -way, self._mask, 1, -1, geom)
        return start - far * way if geom[0] >= 0 else None

    def _put(self, body: str, place: np.ndarray, turn: np.ndarray) -> None:
        slot = self._free[body]
        self.data.qpos[slot : slot + 3] = place
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, np.ascontiguousarray(turn).ravel())
        self.data.qpos[slot + 3 : slot + 7] = quat

    def _free_slot(self, body: str) -> int:
        return int(self.model.jnt_qposadr[self.model.body(body).jntadr[0]])


def intrinsic(fovy_deg: float) -> np.ndarray:
    """Return the matrix (3, 3) that takes points of the camera (x right, y down, z ahead) to pixels of the picture."""
    focal = EGO_SIZE[1] / 2 / np.tan(np.deg2rad(fovy_deg) / 2)
    top, bottom, left, right = CROP
    rows = PICTURE * 480 / 720  # of the picture that are not black
    across, down = PICTURE / (right - left), rows / (bottom - top)
    middle = (EGO_SIZE[0] / 2 - left) * across, (EGO_SIZE[1] / 2 - top) * down + (PICTURE - rows) / 2
    return np.array([[focal * across, 0, middle[0]], [0, focal * down, middle[1]], [0, 0, 1]])
