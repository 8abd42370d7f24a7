"""T2M-GPT (Zhang et al. 2023), small: a sentence's vector, then one code of the whole body after the other,
then the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.nets.checkpoint import Checkpoint, load_checkpoint
from agents.nets.motion_codes import CodeSizes, MotionCodes
from agents.nets.result import Result
from agents.nets.sentences import WIDTH as SENTENCE
from crossbody.catalog import ROOT
from tasks.motion import parts

KIND = "text to motion GPT"
SHIPPED = ROOT / "checkpoints" / "tiny" / "t2m_gpt"
WHOLE = CodeSizes(frames_per_code=4, codes=512, width=128, dim=32)
"""Of the tokenizer of the whole body."""
CORRUPTED = 0.5
"""Up to this share of the codes that it has read are others in training,
so that its own mistakes do not carry it away."""
SHORTEST = 4


@dataclass(frozen=True)
class GptSizes:
    """Sizes of the network and of its codes."""

    width: int = 128
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1
    longest: int = 50  # codes
    codes: CodeSizes = field(default_factory=lambda: WHOLE)


class TextToMotion(nn.Module):
    """The tokenizer, frozen, and the GPT over its codes."""

    def __init__(self, sizes: GptSizes):
        super().__init__()
        self.sizes = sizes
        w = sizes.width
        self.tokens = MotionCodes(parts.WIDTH, sizes.codes).requires_grad_(False)
        self.text, self.code = nn.Linear(SENTENCE, w), nn.Embedding(sizes.codes.codes + 1, w)
        self.place = nn.Parameter(0.02 * torch.randn(1, sizes.longest + 2, w))
        layer = nn.TransformerEncoderLayer(
            w, sizes.heads, 4 * w, sizes.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, sizes.layers, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(w), nn.Linear(w, sizes.codes.codes + 1)

    @property
    def end(self) -> int:
        """The number that ends a motion, behind all codes."""
        return self.sizes.codes.codes

    def logits(self, codes: Tensor, sentence: Tensor) -> Tensor:
        """Return logits (B, L + 1, codes + 1) of what comes after the sentence and after each of codes (B, L)."""
        x = torch.cat([self.text(sentence)[:, None], self.code(codes)], 1) + self.place[:, : codes.shape[1] + 1]
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device, dtype=x.dtype)
        return self.head(self.norm(self.body(x, mask=mask, is_causal=True)))

    def forward(self, batch: dict[str, Tensor]) -> Result:
        """Return the loss of codes (B, L), padded with the end, and sentences (B, 384). ``length`` (B,):
        their codes."""
        codes = batch["codes"]
        share = CORRUPTED * torch.rand(len(codes), 1, device=codes.device)
        other = torch.randint(self.end, codes.shape, device=codes.device)
        wrong = (torch.rand(codes.shape, device=codes.device) < share) & (codes < self.end) & self.training
        logits = self.logits(torch.where(wrong, other, codes), batch["sentence"]).float()
        want = torch.cat([codes, torch.full_like(codes[:, :1], self.end)], 1)
        real = torch.arange(want.shape[1], device=want.device) <= batch["length"][:, None]
        want = torch.where(real, want, -100)
        loss = F.cross_entropy(logits.flatten(0, 1), want.flatten(), ignore_index=-100)
        right = ((logits.argmax(-1) == want) & real).sum() / real.sum()
        return Result(loss, {"loss": loss, "code_accuracy": right})

    @torch.inference_mode()
    def sample(self, sentence: Tensor, uniform: Tensor, temperature: float) -> list[Tensor]:
        """Return codes (L,) for each sentence (B, 384). ``uniform`` (B, longest): all that is drawn."""
        ids = torch.zeros(len(sentence), 0, dtype=torch.long, device=sentence.device)
        lengths = torch.full((len(sentence),), self.sizes.longest)
        done = torch.zeros(len(sentence), dtype=torch.bool)
        for k in range(self.sizes.longest):
            logits = self.logits(ids, sentence)[:, -1].float().cpu() / temperature
            if k < SHORTEST:
                logits[:, self.end] = -torch.inf
            sums = logits.double().softmax(-1).cumsum(-1)
            chosen = torch.searchsorted(sums, uniform[:, k : k + 1] * sums[:, -1:], right=True)[:, 0].clamp(
                max=self.end
            )
            lengths = torch.where((chosen == self.end) & ~done, k, lengths)
            done |= chosen == self.end
            if done.all():
                break
            ids = torch.cat([ids, chosen.clamp(max=self.end - 1).to(ids.device)[:, None]], 1)
        return [row[:n] for row, n in zip(ids, lengths.tolist(), strict=True)]

    @torch.inference_mode()
    def numbers(self, codes: Tensor) -> np.ndarray:
        """Return the numbers (T, 48) of codes (L,)."""
        return self.tokens.decode(codes[None])[0].cpu().numpy()


def save(net: TextToMotion, folder: Path, weights: dict[str, np.ndarray], training: dict[str, Any]) -> Checkpoint:
    """Write a checkpoint and return it."""
    checkpoint = Checkpoint(KIND, asdict(net.sizes), weights, {}, {}, training)
    checkpoint.save(folder)
    return checkpoint


def load_gpt(folder: Path = SHIPPED) -> tuple[TextToMotion, Checkpoint]:
    """Return the frozen model in a folder; CheckpointError when there is none."""
    stored = load_checkpoint(folder, KIND, f"`uv run train t2m_gpt --out {folder}` makes one.")
    config = dict(stored.config)
    net = TextToMotion(GptSizes(**config | {"codes": CodeSizes(**config["codes"])}))
    stored.restore(net, folder)
    return net.requires_grad_(False).eval(), stored
