"""Optical flow without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class DisMedium:
    """Dense inverse search (Kroeger et al. 2016), OpenCV's medium preset, on grey pictures: about 0.1 pixel of error."""

    name: str = "DIS medium flow"
    least_side: int = 12

    @property
    def version(self) -> str:
        """OpenCV's version: the algorithm has no weights."""
        import cv2

        return f"opencv {cv2.__version__}"

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return the flow (t - 1, h, w, 2) in pixels, x before y, of frames (t, h, w, 3), uint8 or float in [0, 1]."""
        import cv2
        import numpy as np

        estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        grey = [cv2.cvtColor(_bytes(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
        # An explicit None: a flow that is passed in would be taken as the first guess.
        return np.stack([estimator.calc(a, b, None) for a, b in zip(grey, grey[1:], strict=False)])  # pyright: ignore


def _bytes(frame: np.ndarray) -> np.ndarray:
    import numpy as np

    return frame if frame.dtype == np.uint8 else np.round(frame * 255).astype(np.uint8)


DIS = DisMedium()
