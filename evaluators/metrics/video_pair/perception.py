"""LPIPS of a pair of videos."""

from __future__ import annotations

from evaluators.metric import Unknown
from evaluators.subjects.video import BATCH, VideoPair

LEAST_SIDE = {"alex": 31, "vgg": 16}
"""Smaller pictures vanish in the trunk's poolings."""


def lpips(pair: VideoPair, trunk: str) -> float | Unknown:
    """Return the mean over frames of LPIPS v0.1 with the trunk ``alex`` or ``vgg``."""
    import torch

    from evaluators.backbones.video import lpips as backbone

    if pair.smallest_side < LEAST_SIDE[trunk]:
        return Unknown(f"LPIPS needs pictures of {LEAST_SIDE[trunk]} pixels; a side has {pair.smallest_side}")
    network, length, total = backbone.load(trunk, pair.device), len(pair.ref.frames), 0.0
    with torch.inference_mode():
        for start in range(0, length, BATCH):
            stop = min(start + BATCH, length)
            pred, ref = (video.tensor(start, stop, pair.device) for video in (pair.pred, pair.ref))
            total += float(network(pred, ref).double().mean()) * (stop - start)
    return total / length
