"""Structural similarity: whether the same pattern stands at the same place, whatever its brightness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluators.metric import Metric, Unknown
from evaluators.subjects.video import VideoPair

if TYPE_CHECKING:
    import numpy as np

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


def ssim(pair: VideoPair) -> float | Unknown:
    """Return the mean SSIM over frames, places and channels (Wang et al. 2004) of pictures in [0, 1].

    A Gaussian window of 11 with sigma 1.5, only where it lies inside the picture, channels one by one; scikit-image's
    defaults (a uniform window of 7 and the sample covariance) give other numbers.

    >>> import numpy as np
    >>> from evaluators.subjects.video import Video
    >>> grey = lambda level: Video(np.full((1, 16, 16, 3), level))
    >>> round(ssim(VideoPair(grey(0.5), grey(0.6))), 5)
    0.98361
    """
    import numpy as np

    if pair.smallest_side < WINDOW:
        return Unknown(f"SSIM's window is {WINDOW} pixels, and the pictures have a side of {pair.smallest_side}")
    pictures = zip(pair.pred.pictures(), pair.ref.pictures(), strict=True)
    return float(np.clip(np.mean([_picture(a, b) for a, b in pictures]), -1.0, 1.0))


def _picture(a: np.ndarray, b: np.ndarray) -> float:
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return float((luminance * (2 * covariance + C2) / (var_a + var_b + C2)).mean())


def _blur(picture: np.ndarray) -> np.ndarray:
    import cv2

    kernel, edge = cv2.getGaussianKernel(WINDOW, SIGMA), WINDOW // 2
    return cv2.sepFilter2D(picture, -1, kernel, kernel)[edge:-edge, edge:-edge]


METRIC = Metric("ssim", "up", (-1.0, 1.0), 1, ssim)
