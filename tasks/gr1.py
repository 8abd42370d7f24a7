"""The channels of the GR1 arms-and-waist robot with Fourier hands, under GR00T's names."""

from __future__ import annotations

from crossbody.contracts import Channel, Contract

PARTS = {"left_arm": 7, "right_arm": 7, "left_hand": 6, "right_hand": 6, "waist": 3}
"""Body part -> joints. Hands: pinky, ring, middle, index, thumb pitch, thumb yaw. Waist: yaw, pitch, roll."""

STATE = tuple(Channel(f"state.{part}", (n,), "float32", "rad", "joint_position") for part, n in PARTS.items())
ACTION = tuple(Channel(f"action.{part}", (n,), "float32", "rad", "absolute_position") for part, n in PARTS.items())

EGO_CROP = Channel("video.ego_view_bg_crop_pad_res256_freq20", (256, 256, 3), "uint8", "intensity", "rgb_hwc")
"""Rows 310:770 and columns 110:1130 of the 1280x800 head camera, resized, padded to a square:
what policies are trained on."""

EGO_PAD = Channel("video.ego_view_pad_res256_freq20", (256, 256, 3), "uint8", "intensity", "rgb_hwc")
"""The whole 1280x800 head camera, padded to a square."""

EGO = Channel("video.ego_view", (256, 256, 3), "uint8", "intensity", "rgb_hwc")
"""EGO_CROP under the name that GR00T's clients give it."""

VIDEO = (EGO, EGO_CROP, EGO_PAD)

LANGUAGE = Channel("annotation.human.coarse_action", (), "str", "text", "instruction")

OBJECT_POSES = Channel("privileged.objects", (-1, 7), "float32", "m", "pos_xyz_quat_wxyz_world")
"""Pose of every free object, in the order of the scene manifest; only on request."""

CONTRACT = Contract(observation=(*STATE, *VIDEO, LANGUAGE), action=ACTION)
