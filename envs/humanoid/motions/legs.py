"""Leg joints from where the feet are: Newton steps on both legs and all frames at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JOINTS = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
START = (-0.35, 0.0, 0.0, 0.7, -0.35, 0.0)
LONGEST_STEP_RAD = 0.5
DAMPING = 1e-9


@dataclass(frozen=True)
class Chain:
    """Two legs of six hinges from the pelvis to the ankle roll's body: left, then right."""

    offsets: np.ndarray  # (6, 2, 1, 3) each body in its parent, m
    rest: np.ndarray  # (6, 2, 1, 3, 3) each body's rotation in its parent at 0
    axes: np.ndarray  # (6, 2, 3) unit, in the body
    low: np.ndarray  # (2, 1, 6) rad
    high: np.ndarray


def solve(
    chain: Chain, places: np.ndarray, turns: np.ndarray, angles: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return angles (2, T, 6) within limits that bring the ankles to places (2, T, 3) and turns (2, T, 3, 3)
    in the pelvis, and what is left (2, T) m."""
    left = np.zeros(places.shape[:2])
    for _ in range(steps):
        miss, jacobian = _errors(chain, places, turns, angles)
        left = np.abs(miss).max(axis=-1)
        if left.max() < 1e-9:
            break
        # Damped where the knee is straight: there the Jacobian has no inverse.
        damping = DAMPING + 1e-2 * np.minimum(left, 0.1) ** 2
        square = np.swapaxes(jacobian, -1, -2) @ jacobian
        square[..., range(6), range(6)] += damping[..., None]
        move = np.linalg.solve(square, (np.swapaxes(jacobian, -1, -2) @ miss[..., None]))[..., 0]
        angles = np.clip(angles + np.clip(move, -LONGEST_STEP_RAD, LONGEST_STEP_RAD), chain.low, chain.high)
    return angles, left


def _errors(chain: Chain, places: np.ndarray, turns: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn = np.broadcast_to(np.eye(3), turns.shape)
    place = np.zeros_like(places)
    hinges, axes = np.empty((*places.shape[:2], 6, 3)), np.empty((*places.shape[:2], 6, 3))
    for i in range(6):
        place = place + (turn @ chain.offsets[i][..., None])[..., 0]
        turn = turn @ chain.rest[i]
        hinges[..., i, :] = place
        axes[..., i, :] = (turn @ chain.axes[i][:, None, :, None])[..., 0]
        turn = turn @ hinge_turn(chain.axes[i], angles[..., i])
    apart = turns @ np.swapaxes(turn, -1, -2)
    spin = 0.5 * np.stack([apart[..., i, j] - apart[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=-1)
    columns = np.concatenate([np.cross(axes, place[..., None, :] - hinges), axes], axis=-1)
    return np.concatenate([places - place, spin], axis=-1), np.swapaxes(columns, -1, -2)


def hinge_turn(axes: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return rotations (2, T, 3, 3) about each side's unit axis (2, 3) by angles (2, T) in rad."""
    sine, versine = np.sin(angle)[..., None, None], 1 - np.cos(angle)[..., None, None]
    cross = _cross(axes)
    return np.eye(3) + sine * cross[:, None] + versine * (cross @ cross)[:, None]


def _cross(axes: np.ndarray) -> np.ndarray:
    x, y, z = axes.T
    nought = np.zeros_like(x)
    return np.stack([nought, -z, y, z, nought, -x, -y, x, nought], axis=-1).reshape(-1, 3, 3)
