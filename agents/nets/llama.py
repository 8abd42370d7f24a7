"""A Llama decoder (Touvron et al. 2023) with the parameter names of transformers' ``LlamaModel``, so that its weights
fit as they are.

Its own, because the class in transformers renames what it takes and gives from version to version, and because a layer
here can carry more."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS, SPREAD = 1e-6, 0.02
Cache = list[tuple[Tensor, Tensor]]
"""Keys and values (B, heads, S, d) of every layer, of all ids so far."""


@dataclass(frozen=True)
class LlamaSizes:
    """Sizes of a decoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    theta: float = 1e4


class Attention(nn.Module):
    """Causal self-attention with rotary places."""

    def __init__(self, sizes: LlamaSizes):
        super().__init__()
        self.heads = sizes.heads
        w = sizes.width
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(w, w, bias=False) for _ in range(4))

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], seen: Tensor | None, past: tuple[Tensor, Tensor] | None):
        """Return (B, T, width) and keys and values of all ids so far. ``seen`` (B, 1, T, S): what may be looked at;
        None: the past."""
        q, k, v = (
            proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = _turned(q, turn), _turned(k, turn)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        y = F.scaled_dot_product_attention(q, k, v, seen, is_causal=seen is None)
        return self.o_proj(y.transpose(1, 2).flatten(2)), (k, v)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate_proj, self.up_proj = (nn.Linear(width, hidden, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """x + attention, x + feed-forward, each after a norm."""

    def __init__(self, sizes: LlamaSizes):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(sizes.width, EPS)
        self.self_attn = Attention(sizes)
        self.post_attention_layernorm = nn.RMSNorm(sizes.width, EPS)
        self.mlp = FeedForward(sizes.width, sizes.hidden)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], seen: Tensor | None, past: tuple[Tensor, Tensor] | None):
        y, kept = self.self_attn(self.input_layernorm(x), turn, seen, past)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), kept


class Llama(nn.Module):
    """Ids to hidden states."""

    def __init__(self, sizes: LlamaSizes):
        super().__init__()
        self.sizes = sizes
        self.embed_tokens = nn.Embedding(sizes.vocabulary, sizes.width)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.RMSNorm(sizes.width, EPS)
        for matrix in self.parameters():
            if matrix.ndim > 1:
                nn.init.normal_(matrix, std=SPREAD)

    def forward(self, ids: Tensor, real: Tensor | None = None, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """Return hidden states (B, T, width) of ids (B, T), which may be padded behind, and the cache that goes on with
        them.

        ``real`` (B, S), where they are padded before: which of all ids so far are ids. ``cache``: of those before
        these."""
        batch, length = ids.shape
        if real is None:
            seen, places = None, torch.arange(length, device=ids.device).expand(batch, -1)
        else:
            places = (real.long().cumsum(1) - 1).clamp(min=0)[:, -length:]
            order = torch.arange(real.shape[1], device=ids.device)
            seen = real[:, None, None] & (order <= order[-length:, None])
            seen = seen | (
                order == order[-length:, None]
            )  # padding looks at itself, so that nothing is divided by zero
        x = self.embed_tokens(ids)
        turn = _rotation(places, self.sizes.width // self.sizes.heads, self.sizes.theta)
        kept: Cache = []
        for number, layer in enumerate(self.layers):
            x, pair = layer(x, turn, seen, cache[number] if cache else None)
            kept.append(pair)
        return self.norm(x), kept


def _rotation(places: Tensor, size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines (B, 1, T, size) of places (B, T)."""
    rates = theta ** (-torch.arange(0, size, 2, device=places.device, dtype=torch.float32) / size)
    angles = (places[..., None].float() * rates).repeat(1, 1, 2)[:, None]
    return angles.cos(), angles.sin()


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    first, second = x.chunk(2, -1)
    cos, sin = (part.to(x.dtype) for part in turn)
    return x * cos + torch.cat([-second, first], -1) * sin
