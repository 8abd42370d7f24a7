"""VLA-UniT and its matched baseline: a context, heads that predict the tokenizer's codes,
and a flow-matching action head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.flow import integrate, masked_mse, on_path, sample_time
from agents.nets.result import Result
from agents.unit.base_policy import BasePolicy, base_policy_loss
from agents.unit.config import PolicyConfig
from agents.unit.context import TEXT_WIDTH, Context, SmallContext
from agents.unit.head import ActionHead
from agents.unit.localizer import Localized, ObjectLocalizer, localizer_losses

Batch = dict[str, Tensor]
"""What the context reads, and state (B, padded), slot (B,); for training also action, action_mask (B, horizon, padded),
codes (B, tokens, levels), and what ``localizer_losses`` needs."""


class Policy(nn.Module):
    """``bridge`` off is GR00T; on, the context also predicts the codes of the chunk. ``wiring`` says what the head
    sees.

    Loss: ``(flow + 0.1 * codes) / 2`` with codes = the cross-entropies of the levels, weighted 1 and 0.5 (released
    code). Small sizes have two parts more, with losses of their own: an object localizer, and a base policy that
    estimates the chunk without pictures. The flow is then of the residual.
    """

    books: Tensor

    def __init__(self, config: PolicyConfig, context: nn.Module | None = None):
        super().__init__()
        c = self.config = config
        self.context = context if context is not None else make_context(c)
        self.base = BasePolicy(c, TEXT_WIDTH) if c.base_width else None
        self.head = ActionHead(c, self.context.raw_width)  # pyright: ignore[reportArgumentType]
        if c.bridge:
            self.code_heads = nn.ModuleList(code_head(c) for _ in range(c.levels))
            self.register_buffer("books", torch.zeros(c.levels, c.codes, c.code_width))
        if c.bridge and c.wiring == "page":
            self.code_projection = nn.Linear(c.code_width, c.context_width)

    @property
    def localizer(self) -> ObjectLocalizer | None:
        """What finds object and container, where the backbone does not do it itself."""
        return getattr(self.context, "localizer", None)

    def forward(self, batch: Batch) -> Result:
        """Return the training loss of a batch and its parts. Samples without actions teach where things are,
        and cost no more."""
        c, everything = self.config, batch
        localized = self.localizer(batch) if self.localizer is not None else None
        if localized is not None:
            acting = with_actions(batch)
            batch = {name: value[acting] for name, value in batch.items()}
        found = Localized(*(part[acting] for part in localized)) if localized is not None else None
        context: Context = self.context(batch, found) if found is not None else self.context(batch)
        logits = self._logits(context)
        estimate = self._estimate(batch, context)
        shown = {"flow": self._flow_loss(batch, context, logits, estimate)}
        loss = shown["flow"]
        if logits is not None:
            shown |= code_losses(logits, batch["codes"], batch["action_mask"].any(-1).any(-1))
            codes = sum((w * shown[f"codes_{i}"] for i, w in enumerate(c.level_weights)), torch.zeros_like(loss))
            loss = (loss + c.token_weight * codes) / 2
        if estimate is not None:
            shown["base_policy"] = base_policy_loss(estimate, batch)
            loss = loss + shown["base_policy"]
        if c.position_weight and localized is not None:
            shown |= localizer_losses(localized, everything)
            loss = loss + c.position_weight * shown["object_localizer"]
        return Result(loss, {"loss": loss, **shown})

    @torch.no_grad()
    def act(self, batch: Batch, noise: Tensor) -> Tensor:
        """Return normalised chunks (B, horizon, padded) from noise of that shape by a fixed number of Euler steps."""
        context = self.context(batch)
        read = self._read(context, self._logits(context))
        body = self.head.state_token(batch["state"], batch["slot"])

        def velocity(x: Tensor, time: float) -> Tensor:
            return self.head(read, body, x, x.new_full(x.shape[:2], time), batch["slot"])

        chunk = integrate(velocity, noise[:, None], self.config.flow_steps)[:, 0]
        estimate = self._estimate(batch, context)
        return chunk if estimate is None or self.base is None else estimate + self.base.scale_of(batch["slot"]) * chunk

    @torch.no_grad()
    def predict_codes(self, batch: Batch) -> Tensor:
        """Return the most likely codes (B, tokens, levels)."""
        logits = self._logits(self.context(batch))
        assert logits is not None, "a policy without bridge tokens predicts no codes"
        return torch.stack([level.argmax(-1) for level in logits], -1)

    def _estimate(self, batch: Batch, context: Context) -> Tensor | None:
        if self.base is None or context.positions is None:
            return None
        return self.base(batch, context.positions.detach())

    def _logits(self, context: Context) -> list[Tensor] | None:
        return [head(context.bridge) for head in self.code_heads] if self.config.bridge else None

    def _read(self, context: Context, logits: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        """Return what the head sees: hidden states and raw patches, and with the page's wiring the codes in
        expectation."""
        hidden = context.hidden.detach() if self.config.detach else context.hidden
        predicted = None
        if logits is not None and self.config.wiring == "page":
            predicted = sum(level.softmax(-1) @ book for level, book in zip(logits, self.books, strict=True))
            predicted = self.code_projection(predicted)
        return self.head.read([hidden, context.raw, predicted], [context.mask, None, None])

    def _flow_loss(
        self, batch: Batch, context: Context, logits: list[Tensor] | None, estimate: Tensor | None
    ) -> Tensor:
        c, action = self.config, batch["action"]
        if estimate is not None and self.base is not None:
            action = (action - estimate.detach()) / self.base.scale_of(batch["slot"])
        chunks = action[:, None].expand(-1, c.draws, -1, -1)
        time = sample_time((len(action), c.draws), c.beta, c.time_scale).to(action.device)
        x, velocity = on_path(torch.randn_like(chunks), chunks, time[..., None, None])
        body = self.head.state_token(batch["state"], batch["slot"])
        predicted = self.head(self._read(context, logits), body, x, time, batch["slot"])
        return masked_mse(predicted, velocity, batch["action_mask"][:, None])


def make_context(config: PolicyConfig, pretrained: bool = True) -> nn.Module:
    """Return the vision-language backbone that a configuration names; the full-size one with its public weights,
    or without."""
    if config.language == "minilm":
        return SmallContext(config)
    from agents.unit.qwen import QwenContext, published_model

    return QwenContext(config, published_model(pretrained))


def make_processor(config: PolicyConfig) -> Callable[[np.ndarray, Sequence[str]], dict[str, Tensor]] | None:
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


def with_actions(batch: Batch) -> Tensor:
    """Return bool (B,): True for the samples with an action, and for the first where there is none at all."""
    acting = batch["action_mask"].flatten(1).any(1)
    return acting if acting.any() else torch.arange(len(acting), device=acting.device) == 0
