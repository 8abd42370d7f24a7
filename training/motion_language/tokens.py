"""Training of the five part tokenizers, and what they lose of held-out motions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from agents.humanoid_vla.tokens import PartCodes
from agents.nets.result import Result
from envs.humanoid.motions.packed import Clip
from tasks.motion import parts
from training.loop import Batch


class Learning(nn.Module):
    """The five tokenizers with the sum of their losses."""

    def __init__(self, net: PartCodes):
        super().__init__()
        self.net = net

    def forward(self, batch: Batch) -> Result:
        """Return the loss of windows (B, 64, 48). Where ``bare`` (B, 3), all of a part but its track is at the mean."""
        found = {}
        for name, columns in self.net.columns.items():
            net = self.net.of(name)
            scaled = net.scaled(batch["numbers"][..., columns])
            for track, (part, known) in enumerate(parts.TRACKS.values()):
                if part == name:
                    scaled = _bare(scaled, batch["bare"][:, track], known)
            found[name] = net.learn(scaled, batch["restart"])
        shown = {f"{name}_{k}": v for name, r in found.items() for k, v in r.shown.items() if k != "commitment"}
        loss = torch.stack([r.loss for r in found.values()]).sum()
        return Result(loss, {"loss": loss, **shown})


def _bare(scaled: Tensor, rows: Tensor, known: tuple[int, ...]) -> Tensor:
    away = torch.ones(scaled.shape[-1], dtype=torch.bool, device=scaled.device)
    away[list(known)] = False
    return scaled.masked_fill(rows[:, None, None] & away, 0.0)


@dataclass(frozen=True)
class Loss:
    """What tokens lose of motions that they were not trained on. Means over clips; mm."""

    clips: int
    global_mm: float
    root_mm: float
    worst_root_mm: float
    bones_mm: float
    drift_mm: float
    kinds: dict[str, tuple[float, float]]  # kind -> global, root-relative
    used: dict[str, tuple[float, float]]  # part -> share of the codes that occurs, perplexity


BONES = ((1, 3), (3, 5), (2, 4), (4, 6), (9, 11), (11, 13), (10, 12), (12, 14))


def measure(net: PartCodes, clips: list[Clip]) -> Loss:
    """Return what the codes lose of clips."""
    rows, counts = [], np.zeros((len(net.columns), net.sizes.codes))
    for clip in clips:
        codes = net.codes_of(clip.points)
        for part in range(len(net.columns)):
            np.add.at(counts[part], codes[:, part], 1)
        made = net.points_of(codes)
        rows.append(_errors(made, parts.at_origin(clip.points[: len(made)])))
    values = np.array(rows)
    kinds = {k: values[[c.kind == k for c in clips]].mean(0) for k in dict.fromkeys(c.kind for c in clips)}
    whole, root, bones, drift = values.mean(0)
    return Loss(
        len(clips),
        whole,
        root,
        values[:, 1].max(),
        bones,
        drift,
        {k: (float(v[0]), float(v[1])) for k, v in kinds.items()},
        {p: ((c > 0).mean(), _perplexity(c)) for p, c in zip(net.columns, counts, strict=True)},
    )


def _errors(made: np.ndarray, real: np.ndarray) -> tuple[float, float, float, float]:
    """Global and root-relative error, change of the limbs' lengths, and how far the root is off at the end; mm."""
    apart = np.linalg.norm(made - real, axis=-1).mean()
    local = np.linalg.norm((made - made[:, :1]) - (real - real[:, :1]), axis=-1).mean()
    first, second = np.array(BONES).T
    lengths = [np.linalg.norm(p[:, first] - p[:, second], axis=-1) for p in (made, real)]
    drift = np.linalg.norm(made[-1, 0] - real[-1, 0])
    return apart * 1e3, local * 1e3, np.abs(lengths[0] - lengths[1]).mean() * 1e3, drift * 1e3


def _perplexity(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
