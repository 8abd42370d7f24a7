"""The language model: a Llama over words and the codes of five body parts,
whose softmax is over what may stand at a place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.humanoid_vla.vocabulary import PLACES, Place, Vocabulary, opened
from agents.nets.checkpoint import Checkpoint, load_checkpoint
from agents.nets.llama import Llama, LlamaSizes
from agents.nets.result import Result
from crossbody.catalog import ROOT
from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

KIND = "motion language model"
TOKENIZER = "tokenizer.json"
SHIPPED = ROOT / "checkpoints" / "tiny" / "humanoid_vla"


@dataclass(frozen=True)
class LanguageSizes:
    """Sizes of the network, and of the motion codes that it was trained on."""

    width: int = 128
    layers: int = 6
    heads: int = 4
    hidden: int = 320  # of a feed-forward layer
    context: int = 1024  # ids
    frames_per_code: int = 8
    longest: int = 32  # steps of a motion


class LanguageModel(nn.Module):
    """A Llama with one table of vectors for all ids, read and written."""

    def __init__(self, sizes: LanguageSizes, vocabulary: Vocabulary):
        super().__init__()
        self.sizes, self.vocabulary = sizes, vocabulary
        self.body = Llama(LlamaSizes(vocabulary.size, sizes.width, sizes.layers, sizes.heads, sizes.hidden))
        for number, place in enumerate(PLACES):
            self.register_buffer(f"allowed_{number}", torch.tensor(vocabulary.allowed(place)), persistent=False)

    @property
    def table(self) -> Tensor:
        """The vectors (V, width) of all ids."""
        return self.body.embed_tokens.weight

    def allowed(self, place: Place) -> Tensor:
        """Return the ids that may stand at a place."""
        return self.get_buffer(f"allowed_{PLACES.index(place)}")

    def logits(self, hidden: Tensor, place: Place) -> Tensor:
        """Return logits (n, a) of hidden states (n, width) over the ids that may stand at a place."""
        return hidden @ self.table[self.allowed(place)].to(hidden.dtype).T

    def forward(self, batch: Mapping[str, Tensor]) -> Result:
        """Return the loss of answers, each id among those that may stand in its place.

        ``ids`` (B, T), padded behind; ``at_N`` the flat positions of the hidden states that tell an id of place N,
        ``want_N`` which of the allowed it is.
        """
        hidden = self.body(batch["ids"])[0].flatten(0, 1)
        losses, right, count = [], [], 0
        for number, place in enumerate(PLACES):
            want = batch[f"want_{number}"]
            if len(want):
                logits = self.logits(hidden[batch[f"at_{number}"]], place).float()
                losses.append(F.cross_entropy(logits, want, reduction="sum"))
                if place.part >= 0:
                    right.append((logits.argmax(1) == want).sum())
                count += len(want)
        loss = torch.stack(losses).sum() / count
        codes = sum(len(batch[f"want_{n}"]) for n, p in enumerate(PLACES) if p.part >= 0)
        return Result(loss, {"loss": loss, "code_accuracy": torch.stack(right).sum() / codes if right else loss * 0})


def save(model: LanguageModel, folder: Path, weights: dict[str, np.ndarray], training: dict[str, Any]) -> Checkpoint:
    """Write a checkpoint with its vocabulary and return it. The tokenizers' digest is in ``training``."""
    text = model.vocabulary.tokenizer.to_str(pretty=True)
    write_atomic(folder / TOKENIZER, (text + "\n").encode())
    config = asdict(model.sizes) | {"codes": model.vocabulary.codes}
    checkpoint = Checkpoint(KIND, config, weights, {}, {}, training)
    checkpoint.save(folder)
    return checkpoint


def load_language(folder: Path = SHIPPED) -> tuple[LanguageModel, Checkpoint]:
    """Return the frozen language model in a folder; CheckpointError when there is none."""
    stored = load_checkpoint(folder, KIND, f"`uv run train humanoid_vla --out {folder}` makes one.")
    vocabulary = opened(folder / TOKENIZER)
    config = dict(stored.config)
    if config.pop("codes", None) != vocabulary.codes:
        raise CrossbodyError(f"{folder} was trained on other codes than its vocabulary has.")
    model = LanguageModel(LanguageSizes(**config), vocabulary)
    stored.restore(model, folder)
    return model.requires_grad_(False).eval(), stored
