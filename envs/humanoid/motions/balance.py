"""Where the centre of mass must be for the feet to hold it: the cart-table equation, solved for a whole motion."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_banded

GRAVITY = 9.81


def carried(pressure: np.ndarray, height: np.ndarray, load: np.ndarray, dt: float) -> np.ndarray:
    """Return the path c (T, 2) of the centre of mass that keeps the centre of pressure at p (T, 2): load (c - p) =
    height c''.

    ``load`` (T,) is g plus the vertical acceleration, 0 in flight; ``height`` (T,) is the centre of mass's over the
    ground. It begins and ends over the centre of pressure (Kajita 2003, solved exactly as three diagonals).
    """
    frames = len(pressure)
    side = -height / dt**2
    bands = np.zeros((3, frames))
    bands[0, 2:], bands[1], bands[2, :-2] = side[1:-1], load - 2 * side, side[1:-1]
    bands[1, [0, -1]] = 1.0
    right = pressure * load[:, None]
    right[[0, -1]] = pressure[[0, -1]]
    return solve_banded((1, 1), bands, right)


def second_difference(values: np.ndarray, dt: float) -> np.ndarray:
    """Return the accelerations of values (T, …), the same shape; they begin and end as their neighbours."""
    inner = (values[2:] - 2 * values[1:-1] + values[:-2]) / dt**2
    return np.concatenate([inner[:1], inner, inner[-1:]])


def residual(
    pressure: np.ndarray, centre: np.ndarray, momentum: np.ndarray, mass: float, dt: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the moments about a centre of pressure (T, 2) lack, m·m/s² (T, 2), with the height and load they were
    made of.

    ``centre`` (T, 3) is the centre of mass, ``momentum`` (T, 3) the angular momentum about it in kg m²/s.
    """
    acceleration = second_difference(centre, dt)
    load = GRAVITY + acceleration[:, 2]
    spin = np.gradient(momentum, dt, axis=0) / mass
    turning = np.stack([spin[:, 1], -spin[:, 0]], axis=-1)
    lacks = load[:, None] * (centre[:, :2] - pressure) - centre[:, 2:] * acceleration[:, :2] - turning
    return lacks, centre[:, 2], load
