"""Sizes of the language model: ``tiny`` is trained from nothing, the others begin with a public text model."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from crossbody.errors import UnknownName
from tasks.motion.parts import PARTS

FOLDER = Path(__file__).with_name("sizes")
CODES, MARKS = 1024, 11
NEW_ROWS = CODES * len(PARTS) + MARKS
"""Rows that a text model's table gets: codes and marks."""
GIB = 2**30
BF16, ADAM = 2, 16  # bytes of a frozen weight; of a trained one with gradient and two moments in float32


@dataclass(frozen=True)
class TextModel:
    """Shape of a public Llama."""

    name: str
    width: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    words: int
    tied: bool


@dataclass(frozen=True)
class Size:
    """A file of ``sizes/``."""

    title: str
    language: dict[str, int] = field(default_factory=dict)
    text_model: TextModel | None = None
    rank: int = 0  # of LoRA

    def described(self) -> str:
        """Return what a text model of this size takes, counted on torch's meta device, where nothing is allocated."""
        assert self.text_model is not None, "only sizes with a text model"
        total, lora = counts(self.text_model, self.rank)
        new = NEW_ROWS * self.text_model.width * (1 if self.text_model.tied else 2)
        memory = (BF16 * total + ADAM * (lora + new)) / GIB
        return (
            f"humanoid_vla, {self.text_model.name}: {total / 1e9:,.3f} G parameters with {NEW_ROWS:,} new rows.\n"
            f"Trained: {new / 1e6:,.1f} M in the new rows, in full, and {lora / 1e6:,.1f} M of LoRA (rank "
            f"{self.rank}, seven projections of "
            f"every layer).\nMemory: {BF16 * total / GIB:,.0f} GiB of frozen bfloat16 weights, {memory:,.0f} "
            "GiB with what is trained; "
            f"activations come on top. Training all of it takes {ADAM * total / GIB:,.0f} GiB."
        )


def names() -> list[str]:
    """Return the names of all sizes."""
    return sorted(f.stem for f in FOLDER.glob("*.toml"))


def load_size(name: str) -> Size:
    """Return a size by name; UnknownName with the list otherwise."""
    if name not in names():
        raise UnknownName("size", name, names())
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    text = table.get("text_model")
    return Size(
        table["title"],
        table.get("language", {}),
        TextModel(**text) if text else None,
        table.get("lora", {}).get("rank", 0),
    )


def counts(text: TextModel, rank: int) -> tuple[int, int]:
    """Return parameters with the new rows, and those of LoRA on the seven projections of every layer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=text.words + NEW_ROWS,
        hidden_size=text.width,
        intermediate_size=text.hidden,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        num_key_value_heads=text.kv_heads,
        tie_word_embeddings=text.tied,
    )
    with torch.device("meta"):
        net = LlamaForCausalLM(config)
    shapes = [p.shape for name, p in net.named_parameters() if "proj" in name]
    return sum(p.numel() for p in net.parameters()), sum(rank * (a + b) for a, b in shapes)
