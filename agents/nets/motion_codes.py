"""A tokenizer of motion: some frames become one of a codebook's vectors, and back. T2M-GPT's (Zhang et al. 2023),
small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.result import Result

DECAY, SEEN = 0.99, 1e-3
RARE = 0.2
"""At a restart a code with less than this share of the mean count takes a vector of the batch.

T2M-GPT restarts what was counted less than once: with few vectors in a batch that is most of the codebook, at every
update."""
COMMITMENT, DIFFERENCES, BETA = 0.02, 0.5, 0.5


@dataclass(frozen=True)
class CodeSizes:
    """Sizes of a tokenizer."""

    frames_per_code: int = 8
    codes: int = 1024
    width: int = 96  # of the convolutions
    dim: int = 32  # of a code


class Residual(nn.Module):
    """x + two convolutions along time."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.point = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.point(F.relu(self.wide(F.relu(x))))


class MotionCodes(nn.Module):
    """Frames (B, T, F) to codes (B, T / frames_per_code) and back.
    All but the last smoothing runs at the rate of the codes."""

    mean: Tensor
    units: Tensor
    book: Tensor
    count: Tensor
    sums: Tensor

    def __init__(self, features: int, sizes: CodeSizes):
        super().__init__()
        self.features, self.sizes = features, sizes
        w, wide = sizes.width, features * sizes.frames_per_code
        self.encoder = nn.Sequential(
            nn.Conv1d(wide, w, 3, padding=1), nn.ReLU(), Residual(w, 1), nn.ReLU(), nn.Conv1d(w, sizes.dim, 1)
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(sizes.dim, w, 3, padding=1),
            nn.ReLU(),
            Residual(w, 1),
            Residual(w, 2),
            nn.ReLU(),
            nn.Conv1d(w, wide, 1),
        )
        self.smooth = nn.Conv1d(features, features, 5, padding=2, padding_mode="replicate")
        with torch.no_grad():  # it begins as the identity
            self.smooth.weight.zero_()
            self.smooth.bias.zero_()  # pyright: ignore[reportOptionalMemberAccess]
            self.smooth.weight[range(features), range(features), 2] = 1.0
        for name, start in (("mean", torch.zeros(features)), ("units", torch.ones(features))):
            self.register_buffer(name, start)
        for name in ("book", "sums"):
            self.register_buffer(name, torch.zeros(sizes.codes, sizes.dim))
        self.register_buffer("count", torch.zeros(sizes.codes))
        self.began = False

    def encode(self, frames: Tensor) -> Tensor:
        """Return the codes (B, T / frames_per_code) of frames (B, T, F)."""
        return self.nearest(self.vectors(self.scaled(frames)))

    def decode(self, codes: Tensor) -> Tensor:
        """Return the frames (B, T, F) of codes (B, L)."""
        return self.frames(self.book[codes]) * self.units + self.mean

    def scaled(self, frames: Tensor) -> Tensor:
        return (frames - self.mean) / self.units

    def vectors(self, scaled: Tensor) -> Tensor:
        """Return vectors (B, L, dim) of scaled frames (B, T, F)."""
        grouped = scaled.unflatten(1, (-1, self.sizes.frames_per_code)).flatten(2)
        return self.encoder(grouped.transpose(1, 2)).transpose(1, 2)

    def frames(self, vectors: Tensor) -> Tensor:
        """Return scaled frames (B, T, F) of vectors (B, L, dim)."""
        grouped = self.decoder(vectors.transpose(1, 2)).transpose(1, 2)
        loose = grouped.unflatten(2, (self.sizes.frames_per_code, self.features)).flatten(1, 2)
        return self.smooth(loose.transpose(1, 2)).transpose(1, 2)

    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the codes (…) nearest to vectors (…, dim)."""
        return (self.book.square().sum(1) - 2 * vectors @ self.book.T).argmin(-1)

    def learn(self, scaled: Tensor, restart: Tensor) -> Result:
        """Return the loss of windows (B, T, F), and move the codebook when training. ``restart`` ():
        rare codes begin anew."""
        vectors = self.vectors(scaled)
        if self.training:
            self._begin(vectors.detach().flatten(0, 1))
        codes = self.nearest(vectors.detach())
        quantised = self.book[codes]
        if self.training:
            self._move(vectors.detach().flatten(0, 1), codes.flatten(), restart)
        commitment = F.mse_loss(vectors, quantised)
        found = self.frames(vectors + (quantised - vectors).detach())
        places = F.smooth_l1_loss(found, scaled, beta=BETA)
        steps = F.smooth_l1_loss(found.diff(dim=1), scaled.diff(dim=1), beta=BETA)
        used = torch.bincount(codes.flatten(), minlength=self.sizes.codes)
        shown = {"places": places, "commitment": commitment, "codes_in_batch": (used > 0).sum().float()}
        return Result(places + DIFFERENCES * steps + COMMITMENT * commitment, shown)

    @torch.no_grad()
    def _begin(self, vectors: Tensor) -> None:
        """Take the first batch's vectors as codebook; a run that is gone on with has one."""
        if self.began or bool(self.count.any()):
            self.began = True
            return
        drawn = vectors[torch.randint(len(vectors), (self.sizes.codes,), device=vectors.device)]
        self.book.copy_(drawn + 0.01 * torch.randn_like(drawn))
        self.sums.copy_(self.book)
        self.count.fill_(1.0)
        self.began = True

    @torch.no_grad()
    def _move(self, vectors: Tensor, codes: Tensor, restart: Tensor) -> None:
        """Exponential means of what each code stood for; rare codes begin anew. Without a branch on a tensor:
        a GPU never waits."""
        fresh = torch.bincount(codes, minlength=self.sizes.codes).to(self.count)
        self.count.mul_(DECAY).add_(fresh, alpha=1 - DECAY)
        self.sums.mul_(DECAY).index_add_(0, codes, vectors, alpha=1 - DECAY)
        means = self.sums / self.count.clamp(min=SEEN)[:, None]
        self.book.copy_(torch.where((self.count > SEEN)[:, None], means, self.book))
        mean = self.count.mean()
        rare = (self.count < RARE * mean) & restart
        drawn = vectors[torch.randint(len(vectors), (self.sizes.codes,), device=vectors.device)]
        self.book.copy_(torch.where(rare[:, None], drawn, self.book))
        self.count.copy_(torch.where(rare, mean, self.count))
        self.sums.copy_(torch.where(rare[:, None], drawn * mean, self.sums))
