"""MDM (Tevet et al. 2023), small: a transformer that predicts the clean motion from a noisy one,
a step and a sentence."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.checkpoint import Checkpoint, load_checkpoint
from agents.nets.layers import Transformer, two_layers
from agents.nets.result import Result
from agents.nets.sentences import WIDTH as SENTENCE
from crossbody.catalog import ROOT
from tasks.motion import parts

KIND = "motion diffusion model"
SHIPPED = ROOT / "checkpoints" / "tiny" / "mdm"
UNWORDED = 0.1
"""Share of the sentences that training leaves out, for guidance."""
SHORTEST = 40
"""Frames of the shortest motion that is made."""


@dataclass(frozen=True)
class DiffusionSizes:
    """Sizes of the network and of its noise."""

    width: int = 128
    layers: int = 4
    heads: int = 4
    hidden: int = 256
    patch: int = 4  # frames of a token
    frames: int = 200
    steps: int = 50  # of noise; the authors found 50 as good as 1000
    guidance: float = 2.5


class Diffusion(nn.Module):
    """Numbers (B, frames, 48) of ``tasks.motion.parts``, scaled. Also estimates how long a motion of a sentence is."""

    mean: Tensor
    units: Tensor
    kept: Tensor

    def __init__(self, sizes: DiffusionSizes):
        super().__init__()
        self.sizes = sizes
        w, wide = sizes.width, parts.WIDTH * sizes.patch
        self.inside, self.outside = nn.Linear(wide, w), nn.Linear(w, wide)
        self.text, self.step = nn.Linear(SENTENCE, w), two_layers(w, w, w)
        self.place = nn.Parameter(0.02 * torch.randn(1, sizes.frames // sizes.patch + 1, w))
        self.body = Transformer(sizes.layers, w, sizes.heads, sizes.hidden)
        self.length = nn.Sequential(nn.Linear(SENTENCE, w), nn.GELU(), nn.Linear(w, 1))
        self.register_buffer("mean", torch.zeros(parts.WIDTH))
        self.register_buffer("units", torch.tensor(parts.UNITS))
        self.register_buffer("kept", _kept(sizes.steps), persistent=False)

    def forward(self, batch: dict[str, Tensor]) -> Result:
        """Return the loss of numbers (B, frames, 48), padded behind to ``frames`` (B,), and sentences (B, 384)."""
        clean = (batch["numbers"] - self.mean) / self.units
        steps = torch.randint(self.sizes.steps, (len(clean),), device=clean.device)
        kept = self.kept[steps][:, None, None]
        noisy = kept.sqrt() * clean + (1 - kept).sqrt() * torch.randn_like(clean)
        worded = torch.rand(len(clean), 1, device=clean.device) >= UNWORDED
        found = self.predicted(noisy, steps, batch["sentence"] * worded, batch["frames"]).float()
        real = (torch.arange(clean.shape[1], device=clean.device) < batch["frames"][:, None])[..., None].float()
        count = real.sum() * parts.WIDTH
        places = ((found - clean).square() * real).sum() / count
        moves = ((found.diff(dim=1) - clean.diff(dim=1)).square() * real[:, 1:]).sum() / count
        length = F.smooth_l1_loss(self.seconds(batch["sentence"]), batch["frames"] / parts.FPS)
        return Result(places + moves + 0.1 * length, {"places": places, "moves": moves, "length_s": length})

    def predicted(self, noisy: Tensor, steps: Tensor, sentence: Tensor, frames: Tensor) -> Tensor:
        """Return the clean numbers (B, frames, 48) that noisy ones at these steps (B,) tell."""
        head = self.step(_waves(steps, self.sizes.width)) + self.text(sentence)
        tokens = self.inside(noisy.unflatten(1, (-1, self.sizes.patch)).flatten(2))
        x = torch.cat([head[:, None], tokens], 1) + self.place
        order = torch.arange(x.shape[1], device=x.device)
        seen = order <= (frames[:, None] + self.sizes.patch - 1) // self.sizes.patch
        out = self.outside(self.body(x, seen)[:, 1:])
        return out.unflatten(2, (self.sizes.patch, parts.WIDTH)).flatten(1, 2)

    def seconds(self, sentence: Tensor) -> Tensor:
        """Return the estimated lengths (B,) of motions of sentences (B, 384)."""
        return F.softplus(self.length(sentence))[:, 0]

    @torch.inference_mode()
    def sample(self, sentence: Tensor, frames: Tensor, noise: Tensor) -> np.ndarray:
        """Return numbers (B, frames, 48) of sentences (B, 384). ``noise`` (steps + 1, B, frames, 48):
        all that is drawn."""
        x = noise[0]
        for i in reversed(range(self.sizes.steps)):
            step = torch.full((len(x),), i, device=x.device)
            free = self.predicted(x, step, torch.zeros_like(sentence), frames)
            clean = free + self.sizes.guidance * (self.predicted(x, step, sentence, frames) - free)
            x = self._earlier(x, clean, i, noise[i + 1])
        return (x * self.units + self.mean).cpu().numpy()

    def _earlier(self, x: Tensor, clean: Tensor, i: int, noise: Tensor) -> Tensor:
        """One step back: the posterior of the noise process, given where it came from."""
        if i == 0:
            return clean
        now, before = self.kept[i], self.kept[i - 1]
        beta = 1 - now / before
        mean = before.sqrt() * beta / (1 - now) * clean + (1 - beta).sqrt() * (1 - before) / (1 - now) * x
        return mean + (beta * (1 - before) / (1 - now)).sqrt() * noise


def _kept(steps: int) -> Tensor:
    """How much of the motion is left at each step: the cosine schedule."""
    at = torch.cos((torch.arange(steps + 1) / steps + 0.008) / 1.008 * math.pi / 2).square()
    return (1 - (1 - at[1:] / at[:-1]).clamp(max=0.999)).cumprod(0)


def _waves(steps: Tensor, width: int) -> Tensor:
    rates = torch.exp(-math.log(1e4) * torch.arange(width // 2, device=steps.device) / (width // 2))
    angles = steps[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], -1)


def save(net: Diffusion, folder: Path, weights: dict[str, np.ndarray], training: dict[str, Any]) -> Checkpoint:
    """Write a checkpoint and return it."""
    checkpoint = Checkpoint(KIND, asdict(net.sizes), weights, {}, {}, training)
    checkpoint.save(folder)
    return checkpoint


def load_diffusion(folder: Path = SHIPPED) -> tuple[Diffusion, Checkpoint]:
    """Return the frozen model in a folder; CheckpointError when there is none."""
    stored = load_checkpoint(folder, KIND, f"`uv run train mdm --out {folder}` makes one.")
    net = Diffusion(DiffusionSizes(**stored.config))
    stored.restore(net, folder)
    return net.requires_grad_(False).eval(), stored
