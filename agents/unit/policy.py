"""VLA-UniT and its matched baseline: a context, heads that predict the tokenizer's codes, and a flow-matching action head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.flow import integrate, masked_mse, on_path, sample_time
from agents.nets.result import Result
from agents.unit.config import PolicyConfig
from agents.unit.context import TEXT_WIDTH, Context, SmallContext
from agents.unit.guess import Guess, guess_loss
from agents.unit.head import ActionHead
from agents.unit.looks import Looked, Looks, looks_losses

Seen = dict[str, Tensor]
"""What the context reads, and state (B, padded), slot (B,); for training also action, action_mask (B, horizon, padded),
codes (B, tokens, levels), and what ``looks_losses`` needs."""


class Policy(nn.Module):
    """``bridge`` off is GR00T; on, the context also predicts the codes of the chunk. ``wiring`` says what the head sees.

    Loss: ``(flow + 0.1 * codes) / 2`` with codes = the cross-entropies of the levels, weighted 1 and 0.5 (released code).
    Small sizes have two parts more, with losses of their own: looks, which find object and container, and a guess of the
    chunk from numbers alone. The flow is then of what the guess leaves over.
    """

    books: Tensor

    def __init__(self, config: PolicyConfig, context: nn.Module | None = None):
        super().__init__()
        c = self.config = config
        self.context = context if context is not None else make_context(c)
        self.guess = Guess(c, TEXT_WIDTH) if c.guess else None
        self.head = ActionHead(c, self.context.raw_width)  # pyright: ignore[reportArgumentType]
        if c.bridge:
            self.code_heads = nn.ModuleList(code_head(c) for _ in range(c.levels))
            self.register_buffer("books", torch.zeros(c.levels, c.codes, c.code_width))
        if c.bridge and c.wiring == "page":
            self.told = nn.Linear(c.code_width, c.context_width)

    @property
    def looks(self) -> Looks | None:
        """What finds object and container, where the backbone does not do it itself."""
        return getattr(self.context, "looks", None)

    def forward(self, seen: Seen) -> Result:
        """Return the training loss of a batch and its parts. Samples without actions teach where things are, and cost no more."""
        c, everything = self.config, seen
        looked = self.looks(seen) if self.looks is not None else None
        if looked is not None:
            acting = with_actions(seen)
            seen = {name: value[acting] for name, value in seen.items()}
        found = Looked(*(part[acting] for part in looked)) if looked is not None else None
        context: Context = self.context(seen, found) if found is not None else self.context(seen)
        logits = self._logits(context)
        guessed = self._guess(seen, context)
        shown = {"flow": self._flow_loss(seen, context, logits, guessed)}
        loss = shown["flow"]
        if logits is not None:
            shown |= code_losses(logits, seen["codes"], seen["action_mask"].any(-1).any(-1))
            codes = sum((w * shown[f"codes_{i}"] for i, w in enumerate(c.level_weights)), torch.zeros_like(loss))
            loss = (loss + c.token_weight * codes) / 2
        if guessed is not None:
            shown["guess"] = guess_loss(guessed, seen)
            loss = loss + shown["guess"]
        if c.position_weight and looked is not None:
            shown |= looks_losses(looked, everything)
            loss = loss + c.position_weight * shown["looks"]
        return Result(loss, {"loss": loss, **shown})

    @torch.no_grad()
    def act(self, seen: Seen, noise: Tensor) -> Tensor:
        """Return normalised chunks (B, horizon, padded) from noise of that shape by a fixed number of Euler steps."""
        context = self.context(seen)
        read = self._read(context, self._logits(context))
        body = self.head.body(seen["state"], seen["slot"])

        def velocity(x: Tensor, time: float) -> Tensor:
            return self.head(read, body, x, x.new_full(x.shape[:2], time), seen["slot"])

        chunk = integrate(velocity, noise[:, None], self.config.flow_steps)[:, 0]
        guessed = self._guess(seen, context)
        return chunk if guessed is None or self.guess is None else guessed + self.guess.units(seen["slot"]) * chunk

    @torch.no_grad()
    def predict_codes(self, seen: Seen) -> Tensor:
        """Return the most likely codes (B, tokens, levels)."""
        logits = self._logits(self.context(seen))
        assert logits is not None, "a policy without bridge tokens predicts no codes"
        return torch.stack([level.argmax(-1) for level in logits], -1)

    def _guess(self, seen: Seen, context: Context) -> Tensor | None:
        if self.guess is None or context.positions is None:
            return None
        return self.guess(seen, context.positions.detach())

    def _logits(self, context: Context) -> list[Tensor] | None:
        return [head(context.bridge) for head in self.code_heads] if self.config.bridge else None

    def _read(self, context: Context, logits: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        """Return what the head sees: hidden states and raw patches, and with the page's wiring the codes in expectation."""
        hidden = context.hidden.detach() if self.config.detach else context.hidden
        told = None
        if logits is not None and self.config.wiring == "page":
            told = sum(level.softmax(-1) @ book for level, book in zip(logits, self.books, strict=True))
            told = self.told(told)
        return self.head.read([hidden, context.raw, told], [context.mask, None, None])

    def _flow_loss(self, seen: Seen, context: Context, logits: list[Tensor] | None, guessed: Tensor | None) -> Tensor:
        c, action = self.config, seen["action"]
        if guessed is not None and self.guess is not None:
            action = (action - guessed.detach()) / self.guess.units(seen["slot"])
        chunks = action[:, None].expand(-1, c.draws, -1, -1)
        time = sample_time((len(action), c.draws), c.beta, c.time_scale).to(action.device)
        x, velocity = on_path(torch.randn_like(chunks), chunks, time[..., None, None])
        body = self.head.body(seen["state"], seen["slot"])
        predicted = self.head(self._read(context, logits), body, x, time, seen["slot"])
        return masked_mse(predicted, velocity, seen["action_mask"][:, None])


def make_context(config: PolicyConfig, pretrained: bool = True) -> nn.Module:
    """Return the vision-language backbone that a configuration names; the full-size one with its public weights, or without."""
    if config.language == "minilm":
        return SmallContext(config)
    from agents.unit.qwen import QwenContext, published_model

    return QwenContext(config, published_model(pretrained))


def reader_of(config: PolicyConfig) -> Callable[[np.ndarray, Sequence[str]], dict[str, Tensor]] | None:
    """Return what makes a backbone's inputs of pictures and instructions; None where it reads cached features."""
    if config.language == "minilm":
        return None
    from agents.unit.qwen import QwenInputs

    return QwenInputs()


def code_head(config: PolicyConfig) -> nn.Sequential:
    """LayerNorm, Linear, GELU, Linear: one level's logits from a bridge token."""
    width = config.context_width
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, config.codes))


def code_losses(logits: list[Tensor], codes: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Return each level's cross-entropy and accuracy over the samples (B,) whose chunk is known."""
    shown = {}
    for i, level in enumerate(logits):
        target = codes[..., i].masked_fill(~known[:, None], -100)
        count = (target >= 0).sum().clamp(min=1)
        total = F.cross_entropy(level.float().flatten(0, 1), target.flatten(), ignore_index=-100, reduction="sum")
        shown[f"codes_{i}"] = total / count
        shown[f"accuracy_{i}"] = (level.argmax(-1) == target).sum() / count
    return shown


def with_actions(seen: Seen) -> Tensor:
    """Return bool (B,): True for the samples with an action, and for the first where there is none at all."""
    acting = seen["action_mask"].flatten(1).any(1)
    return acting if acting.any() else torch.arange(len(acting), device=acting.device) == 0
