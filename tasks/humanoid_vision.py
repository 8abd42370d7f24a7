"""The channels of the vision tasks: what a humanoid sees, where it is, and the motion that it is told to follow.

The action of one control step is one reference frame. A chunk of them is a short motion, which the environment's whole-body controller
executes ``LEAD`` control steps later, since it looks that far ahead. All places are in the frame of the robot's start: x forward, z up.
"""

from __future__ import annotations

from crossbody.contracts import Channel, Contract
from tasks.tracking import CONTROL_HZ, LANGUAGE

CAMERA_HZ = 5
PICTURE_PX = 96
FIELD_OF_VIEW_DEG = 90.0
LEAD = 8
"""Control steps between a command and its execution: the furthest frame that controllers look ahead."""

PICTURE = Channel("video.ego_view", (PICTURE_PX, PICTURE_PX, 3), "uint8", "intensity", "rgb_hwc")
CAMERA = Channel("state.camera", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
ROOT = Channel("state.root", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
COMMANDED_ROOT = Channel("reference.root", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
COMMAND_ROOT = Channel("action.reference_root", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
STEPS_PER_PICTURE = CONTROL_HZ // CAMERA_HZ


def joints(name: str, count: int) -> Channel:
    """Return a channel of joint angles, in the robot's order."""
    return Channel(name, (count,), "float32", "rad", "joint_position")


def contract(count: int) -> Contract:
    """Return what the environment of a robot with ``count`` joints offers: the last command is ``reference.*``."""
    seen = (
        PICTURE,
        CAMERA,
        ROOT,
        joints("state.joints", count),
        COMMANDED_ROOT,
        joints("reference.joints", count),
        LANGUAGE,
    )
    return Contract(seen, (COMMAND_ROOT, joints("action.reference_joints", count)))
