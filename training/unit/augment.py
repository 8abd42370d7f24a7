"""Augmentation: a picture under other light, or cut a little, so that colours and places cannot be learned by heart."""

from __future__ import annotations

import cv2
import numpy as np

CROP = 0.95  # of each side
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.3, 0.4, 0.5, 0.08  # the released recipe's colour jitter
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)
TO_RGB = np.linalg.inv(TO_YIQ).astype(np.float32)


def jitter(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a picture, uint8 (h, w, 3), with brightness, contrast, saturation and hue changed at random.

    Black pixels stay black under the first three, so the bands around a padded picture stay what they are.
    """
    brightness, contrast, saturation = (
        random.uniform(1 - spread, 1 + spread) for spread in (BRIGHTNESS, CONTRAST, SATURATION)
    )
    x = picture.astype(np.float32) * brightness
    gray = x @ LUMA
    x = (x - gray.mean()) * contrast + gray.mean()
    gray = (x @ LUMA)[..., None]
    x = gray + (x - gray) * saturation
    x = x @ hue_rotation(random.uniform(-HUE, HUE)).T
    x[(picture == 0).all(-1)] = 0
    return x.clip(0, 255).astype(np.uint8)


def crop(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a random 95 % of a picture's sides, resized to what it was."""
    height, width, _ = picture.shape
    h, w = round(CROP * height), round(CROP * width)
    top, left = random.integers(height - h + 1), random.integers(width - w + 1)
    return cv2.resize(picture[top : top + h, left : left + w], (width, height), interpolation=cv2.INTER_LINEAR)


def hue_rotation(turns: float) -> np.ndarray:
    """Return the matrix (3, 3) that turns the hue of RGB colours, in the YIQ plane, and keeps their brightness."""
    c, s = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]], np.float32)
    return TO_RGB @ turn @ TO_YIQ
