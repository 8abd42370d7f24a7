"""Optical flow: without weights, or through RAFT with weights that the user has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError, UnknownName

if TYPE_CHECKING:
    import numpy as np
    import torch

    from evaluators.backbones.video.raft import Raft

RAFT_VARIABLE = "CROSSBODY_RAFT"
"""The environment variable that may name the weights, for `--flow raft` alone and for `crossbody doctor`."""

RAFT_NEEDED = (
    "RAFT's weights do not ship: download torchvision's raft_large_C_T_SKHT_V2-ff5fadd5.pth or the authors' "
    "raft-things.pth, "
    f"and say `--flow raft:FILE`, or `export {RAFT_VARIABLE}=FILE`"
)
UPDATES = 12
"""Refinements of RAFT's flow, torchvision's number."""

RAFT_BATCH = 4
"""Pairs of frames that RAFT sees at once: all pairs of places take memory."""


@dataclass(frozen=True)
class DisMedium:
    """Dense inverse search (Kroeger et al. 2016), OpenCV's medium preset, on grey pictures:
    about 0.1 pixel of error."""

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


@dataclass(frozen=True, eq=False)
class RaftLarge:
    """RAFT (Teed and Deng 2020), the large network with the user's weights, 12 updates."""

    network: Raft
    version: str
    device: str = "cpu"
    name: str = "RAFT large flow"
    least_side: int = 121  # padded to 128, below which the coarsest level has one place

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return the flow (t - 1, h, w, 2) in pixels, x before y, of frames (t, h, w, 3), uint8 or float in [0, 1].

        Sides become multiples of 8 by repeating the border, as much on either side, and the flow is cut again.
        """
        import numpy as np
        import torch

        found = []
        with torch.inference_mode():
            for start in range(0, len(frames) - 1, RAFT_BATCH):
                found.append(self._flow(frames[start : start + RAFT_BATCH + 1]))
        return np.concatenate(found)

    def _flow(self, frames: np.ndarray) -> np.ndarray:
        import torch
        from torch.nn.functional import pad

        (height, width), pictures = frames.shape[1:3], _tensor(frames).to(self.device)
        up, left = (-height % 8) // 2, (-width % 8) // 2
        padded = pad(pictures, (left, -width % 8 - left, up, -height % 8 - up), mode="replicate")
        flow = self.network(padded, UPDATES)[..., up : up + height, left : left + width]
        return flow.permute(0, 2, 3, 1).to("cpu", torch.float32).numpy()


def oracle(given: str, device: str = "cpu") -> DisMedium | RaftLarge:
    """Return the oracle of ``dis``, ``raft:FILE``, or ``raft`` with the file of an environment variable."""
    kind, _, path = given.partition(":")
    if kind == "dis" and not path:
        return DIS
    if kind != "raft":
        raise UnknownName("flow", given, ("dis", "raft:FILE"))
    path = path or os.environ.get(RAFT_VARIABLE, "")
    if not path:
        raise CrossbodyError(RAFT_NEEDED)
    return raft(Path(path).expanduser(), device)


@cache
def raft(file: Path, device: str = "cpu") -> RaftLarge:
    """Return RAFT with a file's weights; CrossbodyError when they are not RAFT's."""
    from evaluators.backbones.video.raft import load

    network, digest = load(file)
    return RaftLarge(network.to(device), f"sha256 {digest[:12]}, {UPDATES} updates", device)


def _bytes(frame: np.ndarray) -> np.ndarray:
    import numpy as np

    return frame if frame.dtype == np.uint8 else np.round(frame * 255).astype(np.uint8)


def _tensor(frames: np.ndarray) -> torch.Tensor:
    """Return pictures (t, 3, h, w) in [-1, 1]."""
    import numpy as np
    import torch

    scale = 2 / 255 if frames.dtype == np.uint8 else 2.0
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() * scale - 1


DIS = DisMedium()
