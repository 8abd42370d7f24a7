"""Rotations in torch, batched over any leading dimensions: unit quaternions are wxyz, angles are radians."""

from __future__ import annotations

import torch
from torch import Tensor


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Return a * b, the rotation that turns by b first: (..., 4)."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        -1,
    )


def conjugate(quat: Tensor) -> Tensor:
    """Return the inverse rotation: (..., 4)."""
    return torch.cat((quat[..., :1], -quat[..., 1:]), -1)


def rotate(quat: Tensor, vector: Tensor) -> Tensor:
    """Return vectors (..., 3) turned by quaternions (..., 4)."""
    w, axis = quat[..., :1], quat[..., 1:]
    twice = 2 * torch.linalg.cross(*torch.broadcast_tensors(axis, vector))
    return vector + w * twice + torch.linalg.cross(*torch.broadcast_tensors(axis, twice))


def unrotate(quat: Tensor, vector: Tensor) -> Tensor:
    """Return vectors (..., 3) as the turned frame sees them: the inverse of ``rotate``."""
    return rotate(conjugate(quat), vector)


def heading(quat: Tensor) -> Tensor:
    """Return the yaw of the body's x axis, radians in (-pi, pi]: (...)."""
    w, x, y, z = quat.unbind(-1)
    return torch.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def about_z(angle: Tensor) -> Tensor:
    """Return the rotation by an angle about the vertical: (..., 4)."""
    half, none = angle / 2, torch.zeros_like(angle)
    return torch.stack((torch.cos(half), none, none, torch.sin(half)), -1)


def to_vector(quat: Tensor) -> Tensor:
    """Return the rotation vector, axis times angle in [0, pi]: (..., 3)."""
    quat = torch.where(quat[..., :1] < 0, -quat, quat)
    sine = torch.linalg.vector_norm(quat[..., 1:], dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, quat[..., :1])
    # The limit of angle / sine at zero is 2.
    return quat[..., 1:] * torch.where(sine > 1e-6, angle / sine.clamp(min=1e-6), torch.full_like(sine, 2.0))


def from_vector(vector: Tensor) -> Tensor:
    """Return the quaternion of a rotation vector: (..., 4)."""
    angle = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    half = angle / 2
    ratio = torch.where(angle > 1e-6, torch.sin(half) / angle.clamp(min=1e-6), torch.full_like(angle, 0.5))
    return torch.cat((torch.cos(half), vector * ratio), -1)


def two_columns(quat: Tensor) -> Tensor:
    """Return the first two columns of the rotation matrix, one after the other: (..., 6)."""
    w, x, y, z = quat.unbind(-1)
    return torch.stack(
        (
            1 - 2 * (y * y + z * z),
            2 * (x * y + w * z),
            2 * (x * z - w * y),
            2 * (x * y - w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z + w * x),
        ),
        -1,
    )


def unyaw(angle: Tensor, vector: Tensor) -> Tensor:
    """Return vectors (..., 3) as a frame sees them that is turned by an angle (...) about the vertical."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    x, y, z = vector.unbind(-1)
    forward = cos * x + sin * y
    return torch.stack((forward, cos * y - sin * x, z.expand_as(forward)), -1)
