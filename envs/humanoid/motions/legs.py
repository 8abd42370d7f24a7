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
    """Return angles (2, T, 6) within limits that bring the ankles to places (2, T, 3) and turns (2, T, 3, 3) in the pelvis, and what is left (2, T) m."""
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
    hinges, axes = [], []
    for i in range(6):
        place = place + np.einsum("stij,suj->sti", turn, chain.offsets[i])
        turn = turn @ chain.rest[i]
        hinges.append(place)
        axes.append(np.einsum("stij,sj->sti", turn, chain.axes[i]))
        turn = turn @ hinge_turn(chain.axes[i][:, None], angles[..., i])
    apart = np.swapaxes(turn, -1, -2)
    apart = turns @ apart
    spin = 0.5 * np.stack(
        [apart[..., 2, 1] - apart[..., 1, 2], apart[..., 0, 2] - apart[..., 2, 0], apart[..., 1, 0] - apart[..., 0, 1]],
        axis=-1,
    )
    lever, axis = place[..., None, :] - np.stack(hinges, axis=-2), np.stack(axes, axis=-2)
    columns = np.concatenate([np.cross(axis, lever), axis], axis=-1)
    return np.concatenate([places - place, spin], axis=-1), np.swapaxes(columns, -1, -2)


def hinge_turn(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return rotations (…, 3, 3) about unit axes (…, 3) by angles (…) in rad."""
    axis = np.broadcast_to(axis, (*angle.shape, 3))
    sine, versine = np.sin(angle), 1 - np.cos(angle)
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    out = versine[..., None, None] * axis[..., :, None] * axis[..., None, :]
    out[..., range(3), range(3)] += (1 - versine)[..., None]
    for i, j, part in ((2, 1, x), (0, 2, y), (1, 0, z)):
        out[..., i, j] += sine * part
        out[..., j, i] -= sine * part
    return out
