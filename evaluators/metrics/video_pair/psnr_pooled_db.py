"""Peak signal-to-noise ratio of a whole clip: of the mean squared error over all its frames."""

from __future__ import annotations

from evaluators.metric import Metric
from evaluators.metrics.video_pair.noise import decibels, squared_errors
from evaluators.subjects.video import VideoPair


def psnr_pooled_db(pair: VideoPair) -> float:
    """Return 10 log10(1 / MSE), the MSE taken over all frames of pictures in [0, 1]: one bad frame cannot be averaged
    away.

    >>> import numpy as np
    >>> from evaluators.subjects.video import Video
    >>> errors = np.array([0.1, 0.01]).reshape(2, 1, 1, 1)  # frames of 20 and 40 dB
    >>> round(psnr_pooled_db(VideoPair(Video(np.zeros((2, 4, 4, 3)) + errors), Video(np.zeros((2, 4, 4, 3))))), 2)
    22.97
    """
    return float(decibels(squared_errors(pair).mean()))


METRIC = Metric("psnr_pooled_db", "up", (0.0, 100.0), 1, psnr_pooled_db)
