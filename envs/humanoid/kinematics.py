"""Forward kinematics in torch, batched and differentiable: joint angles to body poses and the fifteen key points."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from envs.humanoid import rotations
from envs.humanoid.robot import Robot, RobotError


class _Level(NamedTuple):
    """The k bodies of one depth."""

    parents: Tensor  # (k,) places of the parents among the bodies before
    offset: Tensor  # (k, 3) in the parent's frame
    frame: Tensor  # (k, 4) wxyz at the angle 0
    joints: Tensor  # (k,) columns of the angles; 0 where nothing turns
    axis: Tensor  # (k, 3), 0 where nothing turns
    moves: Tensor  # (k, 1) 1, and 0 where nothing turns


class Kinematics:
    """Where a robot's bodies are. Quaternions are wxyz; positions are metres in the world; angles are in
    ``robot.joint_names``.

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
        self._levels: list[_Level] = []
        for depth_now in range(1, max(depth) + 1):
            bodies = [robot.bodies[body] for body in self._order if depth[body] == depth_now]
            axis = tensor([body.axis for body in bodies])
            self._levels.append(
                _Level(
                    parents=torch.tensor([place[body.parent] for body in bodies], device=device),
                    offset=tensor([body.position for body in bodies]),
                    frame=tensor([body.quat_wxyz for body in bodies]),
                    joints=torch.tensor([joint.get(body.joint, 0) for body in bodies], device=device),
                    axis=axis,
                    moves=torch.linalg.vector_norm(axis, dim=-1, keepdim=True),
                )
            )
        self._forth = torch.tensor(self._order, device=device)
        self._back = torch.tensor([place[body] for body in range(len(robot.bodies))], device=device)
        self._point_bodies = torch.tensor([robot.body_names.index(body) for body, _ in robot.keypoints], device=device)
        self._point_offsets = tensor([offset for _, offset in robot.keypoints])

    def bodies(self, root_position: Tensor, root_quat_wxyz: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Return positions (..., B, 3) and quaternions (..., B, 4) of ``robot.body_names``.

        The root's position is (..., 3), its quaternion (..., 4), angles are (..., D); RobotError for other shapes.
        """
        self._check(root_position, root_quat_wxyz, angles)
        positions, quats = root_position[..., None, :], root_quat_wxyz[..., None, :]
        for level in self._levels:
            parent_quat = quats.index_select(-2, level.parents)
            here = positions.index_select(-2, level.parents) + rotations.rotate(parent_quat, level.offset)
            # A welded body has the axis 0 and must not get the cosine of the joint that stands in for it.
            half = angles.index_select(-1, level.joints)[..., None] / 2 * level.moves
            turn = torch.cat((torch.cos(half), torch.sin(half) * level.axis), -1)
            turned = rotations.multiply(rotations.multiply(parent_quat, level.frame.expand_as(parent_quat)), turn)
            positions, quats = torch.cat((positions, here), -2), torch.cat((quats, turned), -2)
        return positions.index_select(-2, self._back), quats.index_select(-2, self._back)

    def states(self, root_state: Tensor, dof_state: Tensor) -> Tensor:
        """Return what a body's pose and world velocity are, (..., B, 13), from states (..., 13) and (..., D, 2).

        The layout is that of ``envs.humanoid.physics``.
        """
        positions, quats = self.bodies(root_state[..., :3], root_state[..., 3:7], dof_state[..., 0])
        # The rounds below go from parents to children, as in ``bodies``.
        there, turned = positions.index_select(-2, self._forth), quats.index_select(-2, self._forth)
        moving, spin, first = root_state[..., None, 7:10], root_state[..., None, 10:13], 1
        for level in self._levels:
            here = slice(first, first + len(level.parents))
            arm = there[..., here, :] - there.index_select(-2, level.parents)
            parent_spin = spin.index_select(-2, level.parents)
            carried = moving.index_select(-2, level.parents) + torch.linalg.cross(parent_spin, arm)
            rate = dof_state[..., 1].index_select(-1, level.joints)[..., None]
            spin = torch.cat((spin, parent_spin + rotations.rotate(turned[..., here, :], rate * level.axis)), -2)
            moving, first = torch.cat((moving, carried), -2), here.stop
        velocities = torch.cat((moving, spin), -1).index_select(-2, self._back)
        return torch.cat((positions, quats, velocities), -1)

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
                f"{self.robot.name}: expected a root position (..., 3), a root quaternion (..., 4) and angles "
                f"(..., {joints}); "
                f"got {tuple(root_position.shape)}, {tuple(root_quat_wxyz.shape)} and {tuple(angles.shape)}"
            )


def _depths(robot: Robot) -> list[int]:
    depths: list[int] = []
    for body in robot.bodies:
        depths.append(0 if body.parent < 0 else depths[body.parent] + 1)
    return depths
