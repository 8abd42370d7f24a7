"""What a video metric takes: a pair of clips of one shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

BATCH = 32
"""Pictures that a network sees at once."""


class FlowOracle(Protocol):
    """Optical flow: of frames (t, h, w, 3), the displacement (t - 1, h, w, 2) in pixels, x before y,
    to the next frame."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def least_side(self) -> int: ...
    def __call__(self, frames: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Video:
    """A clip: RGB frames (t, h, w, 3), uint8 or float in [0, 1]. Its flow is computed once for each oracle."""

    frames: np.ndarray
    _flows: dict[str, np.ndarray] = field(default_factory=dict)

    @staticmethod
    def still(frame: np.ndarray, length: int) -> Video:
        """Return one picture (h, w, 3) repeated, without copies of it."""
        import numpy as np

        return Video(np.broadcast_to(frame, (length, *frame.shape)))

    @property
    def is_still(self) -> bool:
        """Whether all frames are one picture in memory."""
        return len(self.frames) > 1 and self.frames.strides[0] == 0

    def pictures(self) -> Iterator[np.ndarray]:
        """Yield the frames as float64 (h, w, 3) in [0, 1]."""
        import numpy as np

        scale = 255.0 if self.frames.dtype == np.uint8 else 1.0
        for frame in self.frames:
            yield frame.astype(np.float64) / scale

    def tensor(self, start: int, stop: int, device: str) -> torch.Tensor:
        """Return frames as float32 (n, 3, h, w) in [-1, 1]; of a still video one, which stands for all."""
        import numpy as np
        import torch

        frames = self.frames[:1] if self.is_still else self.frames[start:stop]
        scale = 2 / 255 if frames.dtype == np.uint8 else 2.0
        pictures = torch.from_numpy(np.require(frames, requirements=["C", "W"])).to(device).permute(0, 3, 1, 2)
        return pictures.float() * scale - 1.0

    def flow(self, oracle: FlowOracle) -> np.ndarray:
        """Return the flow between consecutive frames, (t - 1, h, w, 2); a still video has none, whatever the oracle."""
        import numpy as np

        if oracle.name not in self._flows:
            t, h, w, _ = self.frames.shape
            still = np.broadcast_to(np.float32(0), (t - 1, h, w, 2))
            self._flows[oracle.name] = still if self.is_still else oracle(self.frames)
        return self._flows[oracle.name]


@dataclass(frozen=True, eq=False)
class VideoPair:
    """A predicted and a reference clip of one shape, and the device that networks run on."""

    pred: Video
    ref: Video
    device: str = "cpu"
    shared: dict[str, Any] = field(default_factory=dict)  # what several metrics derive from the same pair

    def __post_init__(self) -> None:
        if self.pred.frames.shape != self.ref.frames.shape:
            raise ValueError(f"a pair of {self.pred.frames.shape} and {self.ref.frames.shape} cannot be compared")

    @property
    def smallest_side(self) -> int:
        """Height or width, whichever is less."""
        return min(self.ref.frames.shape[1:3])
