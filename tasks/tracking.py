"""The channels of motion tracking: what a humanoid that follows a reference senses, what lies ahead,
and what it is told to do."""

from __future__ import annotations

from crossbody.contracts import Channel, Contract

CONTROL_HZ = 50

TERMS = {
    "joint_position": ("rad", "from_default_pose"),
    "joint_velocity": ("rad/s", "joint_velocity"),
    "gravity": ("1", "unit_vector_root_frame"),
    "angular_velocity": ("rad/s", "root_frame"),
    "linear_velocity": ("m/s", "heading_frame"),
    "height": ("m", "world"),
    "last_action": ("1", "scaled_action"),
    "keypoints": ("m", "from_root_heading_frame"),
    "keypoint_velocity": ("m/s", "heading_frame"),
    "foot_forces": ("100 N", "heading_frame"),
    "goal_place": ("m", "from_root_heading_frame"),
    "goal_turn": ("1", "rotation_columns_root_frame"),
    "goal_velocity": ("m/s, rad/s", "heading_frame"),
    "goal_joints": ("rad", "from_default_pose"),
    "goal_joint_velocity": ("rad/s", "joint_velocity"),
    "goal_keypoints": ("m", "from_keypoints_heading_frame"),
}
"""Term of the tracking task -> unit and convention; ``envs.humanoid.observations`` defines them."""

GYRO = Channel("state.root_angular_velocity", (3,), "float32", "rad/s", "root_frame")
TORSO = Channel("state.torso_quat", (4,), "float32", "1", "quat_wxyz_world")
FRAME = Channel("reference.frame", (1,), "float32", "1", "frame_of_the_present_state")
LANGUAGE = Channel("annotation.human.coarse_action", (), "str", "text", "instruction")


def term(name: str, width: int) -> Channel:
    """Return the channel of a term of the tracking task."""
    unit, convention = TERMS[name]
    return Channel(f"tracking.{name}", (width,), "float32", unit, convention)


def joints(count: int) -> Channel:
    """Return the joints' angles now, in the robot's order."""
    return Channel("state.joints", (count,), "float32", "rad", "joint_position")


def joint_speeds(count: int) -> Channel:
    """Return the joints' angular velocities now."""
    return Channel("state.joint_velocity", (count,), "float32", "rad/s", "joint_velocity")


def next_joints(count: int) -> Channel:
    """Return the reference's angles one control step ahead."""
    return Channel("reference.joints", (count,), "float32", "rad", "joint_position")


def targets(count: int) -> Channel:
    """Return the only action: where the PD controllers are to take the joints."""
    return Channel("action.joints", (count,), "float32", "rad", "absolute_position")


def contract(count: int, terms: dict[str, int]) -> Contract:
    """Return what a robot with ``count`` joints offers; ``terms``: name -> width."""
    raw = (joints(count), joint_speeds(count), GYRO, TORSO, next_joints(count), FRAME, LANGUAGE)
    return Contract((*raw, *(term(name, width) for name, width in terms.items())), (targets(count),))
