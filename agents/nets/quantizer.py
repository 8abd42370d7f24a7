"""Residual vector quantisation: each level codes what the levels before it left over."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Quantized(NamedTuple):
    """The result of quantising z (B, T, D)."""

    vectors: Tensor  # (B, T, D): the sum of the chosen codes; its gradient goes straight through to z
    indices: Tensor  # (B, T, levels) int64
    loss: Tensor  # scalar


class ResidualQuantizer(nn.Module):
    """Nearest codes by Euclidean distance, level after level; codes begin at vectors of a batch, and restart there if
    unused.

    The loss of a level is ``mean((sg[e] - z)^2) + beta * mean((e - sg[z])^2)`` with z what is left over and e the code,
    summed over levels (the released UniT code; note which side beta weighs).
    """

    books: Tensor
    used: Tensor
    steps: Tensor

    def __init__(
        self, levels: int, codes: int, width: int, betas: tuple[float, ...], restart_every: int, restart_until: int
    ):
        super().__init__()
        self.betas, self.restart_every, self.restart_until = betas, restart_every, restart_until
        self.books = nn.Parameter(torch.empty(levels, codes, width).uniform_(-1 / codes, 1 / codes))
        self.register_buffer("used", torch.zeros(levels, codes, dtype=torch.bool))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Tensor) -> Quantized:
        with torch.autocast(z.device.type, enabled=False):
            return self._quantize(z.float())

    def _quantize(self, z: Tensor) -> Quantized:
        rest, total, loss = z, torch.zeros_like(z), z.new_zeros(())
        indices, rests = [], []
        for level, beta in enumerate(self.betas):
            if self.training and self.steps == 0:
                self._begin(level, rest.detach())
            book = self.books[level]
            index = nearest(rest.detach(), book)
            code = F.embedding(index, book)
            loss = loss + F.mse_loss(rest, code.detach()) + beta * F.mse_loss(code, rest.detach())
            rests.append(rest.detach())
            indices.append(index)
            total = total + code
            rest = rest - code.detach()
        chosen = torch.stack(indices, -1)
        if self.training:
            self._restart(chosen, rests)
        return Quantized(z + (total - z).detach(), chosen, loss)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the vectors (…, D) of indices (…, levels)."""
        return torch.stack([F.embedding(i, b) for i, b in zip(indices.unbind(-1), self.books, strict=True)]).sum(0)

    @torch.no_grad()
    def _begin(self, level: int, rest: Tensor) -> None:
        """Put a level's codes among the first batch's vectors: codes near zero would draw every vector to one place."""
        self.books[level] = self._draw(rest)

    @torch.no_grad()
    def _restart(self, chosen: Tensor, rests: list[Tensor]) -> None:
        """Note which codes were chosen; now and then replace the others by vectors of this batch."""
        for level in range(len(self.betas)):
            self.used[level, chosen[..., level].flatten()] = True
        self.steps += 1
        step = int(self.steps)
        if step % self.restart_every or step > self.restart_until:
            return
        if distributed():
            torch.distributed.all_reduce(self.used, torch.distributed.ReduceOp.MAX)
        for level, rest in enumerate(rests):
            self.books[level] = torch.where(self.used[level, :, None], self.books[level], self._draw(rest))
        self.used.zero_()

    def _draw(self, rest: Tensor) -> Tensor:
        """Return as many vectors of a batch as a level has codes, the same on every process."""
        pool = rest.flatten(0, -2)
        drawn = pool[torch.randint(len(pool), (self.books.shape[1],), device=pool.device)]
        if distributed():
            torch.distributed.broadcast(drawn, 0)
        return drawn


def distributed() -> bool:
    """Return whether several processes train together."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def nearest(z: Tensor, book: Tensor) -> Tensor:
    """Return the index (…) of the row of ``book`` (K, D) that is nearest to each vector of z (…, D)."""
    distance = book.square().sum(-1) - 2 * z @ book.T
    return distance.argmin(-1)


def perplexity(indices: Tensor, codes: int) -> Tensor:
    """Return exp(entropy) of the use of codes: 1 when all samples share one, ``codes`` when all are equally used."""
    share = torch.bincount(indices.flatten(), minlength=codes) / indices.numel()
    return torch.special.entr(share).sum().exp()
