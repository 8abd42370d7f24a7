"""The channels of the vision tasks: what a humanoid sees, where it is, and the motion that it is told to follow.

The action of one control step is one frame of fifteen key points (``tasks.motion.keypoints``), of a robot or of a
person: what a model that writes motion gives. A chunk of them is a short motion, which the environment retargets to its
robot and its whole-body controller executes
``LEAD`` control steps later, since it looks that far ahead. All places are in the heading frame of the robot's start:
its x is where the robot looked, y is left, z is up, and the origin is on the floor under the pelvis.
"""

from __future__ import annotations

from crossbody.contracts import Channel, Contract
from tasks.motion.keypoints import KEYPOINTS
from tasks.tracking import CONTROL_HZ, LANGUAGE

CAMERA_HZ = 5
PICTURE_PX = 96
FIELD_OF_VIEW_DEG = 90.0
LEAD = 8
"""Control steps between a command and its execution: the furthest frame that controllers look ahead."""

PICTURE = Channel("video.ego_view", (PICTURE_PX, PICTURE_PX, 3), "uint8", "intensity", "rgb_hwc")
CAMERA = Channel("state.camera", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
ROOT = Channel("state.root", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
PLACE = Channel("reference.root", (7,), "float32", "m, 1", "position_and_quat_wxyz_start_frame")
"""Where the robot stands in the reference after the last command."""
COMMANDED = Channel("reference.keypoints", (len(KEYPOINTS), 3), "float32", "m", "keypoints15_start_frame")
"""The last command; before the first one the robot's own key points."""
COMMAND = Channel("action.keypoints", (len(KEYPOINTS), 3), "float32", "m", "keypoints15_start_frame")
STEPS_PER_PICTURE = CONTROL_HZ // CAMERA_HZ


def contract(count: int) -> Contract:
    """Return what the environment of a robot with ``count`` joints offers."""
    joints = Channel("state.joints", (count,), "float32", "rad", "joint_position")
    return Contract((PICTURE, CAMERA, ROOT, joints, PLACE, COMMANDED, LANGUAGE), (COMMAND,))
