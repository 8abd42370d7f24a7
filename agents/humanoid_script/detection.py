"""Finding a coloured thing in the head camera's picture: pure functions of the picture and of where the camera is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.humanoid_vision import FIELD_OF_VIEW_DEG

HUES_DEG = {"red": 2.0, "yellow": 53.0, "green": 122.0, "magenta": 304.0}
HUE_WITHIN_DEG, LEAST_SATURATION, LEAST_VALUE = 22.0, 0.55, 40
FEWEST_PX = 4


@dataclass(frozen=True)
class Detection:
    """A thing in a picture. Directions are unit vectors in the frame of the robot's start."""

    eye: np.ndarray  # (3,) m
    middle: np.ndarray  # (3,) direction of its middle
    top: np.ndarray  # (3,) of its highest pixel
    nearest: np.ndarray  # (3,) of its lowest pixel
    solid_angle: float  # sr

    @property
    def bearing(self) -> float:
        """The direction's angle about the vertical, rad; 0 is where the robot looked at its start."""
        return math.atan2(self.middle[1], self.middle[0])

    def at_height(self, direction: np.ndarray, height: float) -> np.ndarray:
        """Return where a direction meets a level plane, (3,); the horizon is a kilometre away."""
        far = (height - self.eye[2]) / min(direction[2], -1e-3) if height < self.eye[2] else 1e3
        return self.eye + far * direction

    def at_forward(self, direction: np.ndarray, forward: float) -> np.ndarray:
        """Return where a direction meets the upright plane that stands at ``forward`` m along x."""
        return self.eye + direction * (forward - self.eye[0]) / max(direction[0], 1e-3)

    def ball(self, radius: float) -> np.ndarray:
        """Return the middle (3,) of a ball of known radius that is wholly in view."""
        sine = math.sqrt(max(1 - (1 - self.solid_angle / (2 * math.pi)) ** 2, 1e-9))
        return self.eye + self.middle * radius / sine


def mask(picture: np.ndarray, colour: str) -> np.ndarray:
    """Return which pixels (H, W) have a colour, by hue; shading does not count."""
    rgb = picture.astype(np.float64)
    high, low = rgb.max(-1), rgb.min(-1)
    span = np.maximum(high - low, 1e-9)
    r, g, b = np.moveaxis(rgb, -1, 0)
    hue = np.where(high == r, (g - b) / span, np.where(high == g, 2 + (b - r) / span, 4 + (r - g) / span)) * 60
    off = np.abs((hue - HUES_DEG[colour] + 180) % 360 - 180)
    return (off < HUE_WITHIN_DEG) & (span / np.maximum(high, 1) > LEAST_SATURATION) & (high > LEAST_VALUE)


def find(picture: np.ndarray, camera: np.ndarray, colour: str) -> Detection | None:
    """Return the thing of a colour in a picture (H, W, 3) from a camera pose (7,), or None where there is none."""
    found = mask(picture, colour)
    if np.count_nonzero(found) < FEWEST_PX:
        return None
    height, width = found.shape
    focus = height / 2 / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    rows, columns = np.nonzero(found)
    rays = np.stack([(columns + 0.5 - width / 2) / focus, (height / 2 - rows - 0.5) / focus, -np.ones(len(rows))], -1)
    lengths = np.linalg.norm(rays, axis=-1)
    turn = _matrix(camera[3:].astype(np.float64))
    directions = rays / lengths[:, None] @ turn.T
    # A pixel at an angle to the axis is smaller by the cube of its cosine.
    weights = lengths**-3 / focus**2
    middle = (directions * weights[:, None]).sum(0)
    return Detection(
        eye=camera[:3].astype(np.float64),
        middle=middle / np.linalg.norm(middle),
        top=directions[np.argmax(directions[:, 2])],
        nearest=directions[np.argmin(directions[:, 2])],
        solid_angle=float(weights.sum()),
    )


def _matrix(quat: np.ndarray) -> np.ndarray:
    w, x, y, z = quat / np.linalg.norm(quat)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
