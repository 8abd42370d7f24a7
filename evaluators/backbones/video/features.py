"""I3D features of videos, for distances between sets of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evaluators.subjects.video import BATCH, Video

if TYPE_CHECKING:
    import numpy as np
    import torch


def i3d_features(videos: Sequence[Video], device: str = "cpu") -> np.ndarray:
    """Return the logits (n, 400) of videos of one length, at least ten frames; all go through the network at once.

    Pictures are resized to 224 x 224 as FVD's reference code does: bilinearly, without antialias, whatever their
    aspect."""
    import torch

    from evaluators.backbones.video import i3d

    with torch.inference_mode():
        batch = torch.stack([_resized(v, device, i3d.SIZE) for v in videos])
        return i3d.load(device)(batch.permute(0, 2, 1, 3, 4)).cpu().numpy()


def _resized(video: Video, device: str, size: int) -> torch.Tensor:
    """Return frames (t, 3, size, size) in [-1, 1]."""
    import torch
    from torch.nn.functional import interpolate

    length = len(video.frames)
    parts = (video.tensor(start, start + BATCH, device) for start in range(0, 1 if video.is_still else length, BATCH))
    small = [interpolate(p, size=(size, size), mode="bilinear", align_corners=False) for p in parts]
    return torch.cat(small).expand(length, -1, -1, -1)
