"""UniT: one codebook for pictures and actions, because each must be decoded from the other's tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.nets.quantizer import Quantized, ResidualQuantizer, perplexity
from agents.nets.result import Result
from agents.unit.branches import Branches, state_encoder
from agents.unit.config import TokenizerConfig
from agents.unit.decoders import ActionDecoder, VisionDecoder, action_loss, picture_loss

Batch = dict[str, Tensor]
"""now, goal (B, N, patch width); state (B, padded); action, action_mask (B, horizon, padded); slot (B,)."""


class UniT(nn.Module):
    """The tokenizer, in every variant of ``config.ROUTES``: which branches exist and which decoders their tokens must
    satisfy.

    8 tokens of 2 residual codes out of 128 stand for a chunk of 16 steps: 112 bits.
    """

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        c = self.config = config
        decoders = {decoder for route in c.routes.values() for decoder in route}
        if set(c.routes) != {"vision"} or "action" in decoders:
            self.state = state_encoder(c)
        self.branches = Branches(c)
        self.quantizer = ResidualQuantizer(c.levels, c.codes, c.code_width, c.betas, c.restart_every, c.restart_until)
        self.bridge = nn.Linear(c.code_width, c.width)
        if "vision" in decoders:
            self.vision_decoder = VisionDecoder(c)
        if "action" in decoders:
            self.action_decoder = ActionDecoder(c)

    def features(self, batch: Batch, names: tuple[str, ...] | None = None) -> dict[str, Tensor]:
        """Return branch -> continuous features before quantisation (B, tokens, code width)."""
        return self.branches(batch, self._state(batch), names or tuple(self.config.routes))

    @torch.no_grad()
    def codes(self, batch: Batch, branch: str | None = None) -> Tensor:
        """Return the codes (B, tokens, levels) of a branch; by default of the one that policies predict."""
        name = branch or self.config.target_branch
        return self.quantizer(self.features(batch, (name,))[name]).indices

    def decode_action(self, batch: Batch, vectors: Tensor) -> Tensor:
        """Return the chunk (B, horizon, padded) that code vectors (B, tokens, code width) mean from this state."""
        return self.action_decoder(self._state(batch), self.bridge(vectors), batch["slot"])

    def decode_picture(self, batch: Batch, vectors: Tensor) -> Tensor:
        """Return the goal's patches (B, N, patch width) that code vectors mean from this picture."""
        return self.vision_decoder(batch["now"], self.bridge(vectors))

    def forward(self, batch: Batch) -> Result:
        """Return the loss: every branch's reconstructions by its decoders, and the quantiser's,
        averaged over branches."""
        routes = self.config.routes
        features = self.features(batch)
        stacked = self.quantizer(torch.cat([features[name] for name in routes]))
        shown: dict[str, Tensor] = {}
        for name, vectors in zip(routes, stacked.vectors.chunk(len(routes)), strict=True):
            for decoder in routes[name]:
                shown[f"{name}_to_{decoder}"] = self._reconstruction(decoder, batch, vectors)
        loss = sum(shown.values(), torch.zeros_like(stacked.loss)) / len(routes) + stacked.loss
        shown |= {"quantizer": stacked.loss, **self._health(stacked)}
        if hasattr(self, "vision_decoder"):
            shown["unchanged_picture"] = picture_loss(
                batch["now"], batch["goal"]
            ).mean()  # what copying the present would cost
        return Result(loss, {"loss": loss, **shown})

    def _reconstruction(self, decoder: str, batch: Batch, vectors: Tensor) -> Tensor:
        if decoder == "vision":
            return picture_loss(self.decode_picture(batch, vectors), batch["goal"]).mean()
        return action_loss(self.decode_action(batch, vectors), batch["action"], batch["action_mask"])

    def _health(self, quantized: Quantized) -> dict[str, Tensor]:
        codes = self.config.codes
        return {f"perplexity_{i}": perplexity(quantized.indices[..., i], codes) for i in range(self.config.levels)}

    def _state(self, batch: Batch) -> Tensor | None:
        return self.state(batch["state"][:, None], batch["slot"]) if hasattr(self, "state") else None
