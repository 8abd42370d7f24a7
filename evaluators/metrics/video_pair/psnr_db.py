"""Peak signal-to-noise ratio of each frame, averaged over the frames."""

from __future__ import annotations

from evaluators.metric import Metric
from evaluators.metrics.video_pair.noise import decibels, squared_errors
from evaluators.subjects.video import VideoPair


def psnr_db(pair: VideoPair) -> float:
    """Return the mean over frames of 10 log10(1 / MSE) of pictures in [0, 1]; a frame without a difference counts 100
    dB.

    >>> import numpy as np
    >>> from evaluators.subjects.video import Video
    >>> grey = lambda level: Video(np.full((2, 4, 4, 3), level))
    >>> round(psnr_db(VideoPair(grey(0.5), grey(0.6))), 6)
    20.0
    """
    return float(decibels(squared_errors(pair)).mean())


METRIC = Metric("psnr_db", "up", (0.0, 100.0), 1, psnr_db)
