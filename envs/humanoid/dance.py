"""The external policy's dance as a motion of our robot: root and key points by forward kinematics from its torso and
joints."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from crossbody import external_policy
from envs.humanoid import robot, rotations
from envs.humanoid.kinematics import Kinematics
from tasks.motion.motion import Motion

ROBOT = "g1_29"
FPS = 50.0


@cache
def dance() -> Motion:
    """Return the 131 s of the dance inside the policy of holosoma-inference;
    MissingExtra where the package is absent."""
    policy = external_policy.load()
    frames = [policy.frame(step) for step in range(external_policy.FRAMES)]
    body = robot.load(ROBOT)
    angles = torch.tensor(
        body.angles(np.stack([f.joints for f in frames]), policy.joints, "the external policy's dance")
    )
    torso_place, torso_turn = (
        torch.tensor(np.stack(values), dtype=torch.float64)
        for values in ([f.torso_position for f in frames], [f.torso_quat_wxyz for f in frames])
    )
    fk = Kinematics(body, dtype=torch.float64)
    origin, upright = torch.zeros(len(frames), 3).double(), torch.tensor([1.0, 0, 0, 0]).double().expand(len(frames), 4)
    places, turns = fk.bodies(origin, upright, angles.double())
    index = list(body.body_names).index(body.carrier("torso"))
    # World pose of the torso = pose of the root, then the torso's pose as seen from it.
    root_turn = rotations.multiply(torso_turn, rotations.conjugate(turns[:, index]))
    root_turn = root_turn / root_turn.norm(dim=-1, keepdim=True)
    root_place = torso_place - rotations.rotate(root_turn, places[:, index])
    points = fk.keypoints(root_place, root_turn, angles.double())
    return Motion(
        "stranger",
        points.numpy(),
        root_place.numpy(),
        root_turn.numpy(),
        FPS,
        ("a dance",),
        "holosoma-inference 0.1.3",
        "unknown: read from the installed package, never copied",
        angles.numpy(),
        body.joint_names,
    )
