"""Forward kinematics in torch, batched and differentiable: joint angles to body poses and the fifteen key points."""

from __future__ import annotations

import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.robot import Robot, RobotError


class Kinematics:
    """Where a robot's bodies are. Quaternions are wxyz; positions are metres in the world; angles are in ``robot.joint_names``.

    Bodies of the same depth are computed together: ten rounds for the G1 instead of thirty.
    """

    def __init__(self, robot: Robot, device: str = "cpu", dtype: torch.dtype = torch.float32):
        def tensor(rows):
            return torch.tensor(rows, device=device, dtype=dtype)

        self.robot = robot
        depth = _depths(robot)
        joint = {name: index for index, name in enumerate(robot.joint_names)}
        self._order = sorted(range(len(robot.bodies)), key=lambda body: depth[body])
        place = {body: at for at, body in enumerate(self._order)}
        self._levels = []
        for level in range(1, max(depth) + 1):
            bodies = [robot.bodies[body] for body in self._order if depth[body] == level]
            parents = [place[body.parent] for body in bodies]
            self._levels.append(
                (
                    torch.tensor(parents, device=device),
                    tensor([body.position for body in bodies]),
                    tensor([body.quat_wxyz for body in bodies]),
                    torch.tensor([joint.get(body.joint, 0) for body in bodies], device=device),
                    tensor([body.axis for body in bodies]),  # of length 0 where nothing turns
                )
            )
        self._back = torch.tensor([place[body] for body in range(len(robot.bodies))], device=device)
        self._point_bodies = torch.tensor([robot.body_names.index(body) for body, _ in robot.keypoints], device=device)
        self._point_offsets = tensor([offset for _, offset in robot.keypoints])

    def bodies(self, root_position: Tensor, root_quat_wxyz: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Return positions (..., B, 3) and quaternions (..., B, 4) of ``robot.body_names``.

        The root's position is (..., 3), its quaternion (..., 4), angles are (..., D); RobotError for other shapes.
        """
        self._check(root_position, root_quat_wxyz, angles)
        positions, quats = root_position[..., None, :], root_quat_wxyz[..., None, :]
        for parents, offset, frame, joints, axis in self._levels:
            parent_quat = quats.index_select(-2, parents)
            here = positions.index_select(-2, parents) + rotations.rotate(parent_quat, offset)
            half = angles.index_select(-1, joints)[..., None] / 2
            # A welded body has the axis 0 and must not get the cosine of the joint that stands in for it.
            turning = torch.linalg.vector_norm(axis, dim=-1, keepdim=True)
            half = half * turning
            turn = torch.cat((torch.cos(half), torch.sin(half) * axis), -1)
            turned = rotations.multiply(rotations.multiply(parent_quat, frame.expand_as(parent_quat)), turn)
            positions, quats = torch.cat((positions, here), -2), torch.cat((quats, turned), -2)
        return positions.index_select(-2, self._back), quats.index_select(-2, self._back)

    def keypoints(self, root_position: Tensor, root_quat_wxyz: Tensor, angles: Tensor) -> Tensor:
        """Return the fifteen key points (..., 15, 3), in the order of ``tasks.motion.keypoints``."""
        return self.points(*self.bodies(root_position, root_quat_wxyz, angles))

    def points(self, positions: Tensor, quats: Tensor) -> Tensor:
        """Return the fifteen key points (..., 15, 3) from body poses (..., B, 3) and (..., B, 4)."""
        turned = rotations.rotate(quats.index_select(-2, self._point_bodies), self._point_offsets)
        return positions.index_select(-2, self._point_bodies) + turned

    def _check(self, root_position: Tensor, root_quat_wxyz: Tensor, angles: Tensor) -> None:
        joints = len(self.robot.joint_names)
        lead = angles.shape[:-1]
        if angles.shape[-1:] != (joints,) or root_position.shape != (*lead, 3) or root_quat_wxyz.shape != (*lead, 4):
            raise RobotError(
                f"{self.robot.name}: expected a root position (..., 3), a root quaternion (..., 4) and angles (..., {joints}); "
                f"got {tuple(root_position.shape)}, {tuple(root_quat_wxyz.shape)} and {tuple(angles.shape)}"
            )


def _depths(robot: Robot) -> list[int]:
    depths: list[int] = []
    for body in robot.bodies:
        depths.append(0 if body.parent < 0 else depths[body.parent] + 1)
    return depths
