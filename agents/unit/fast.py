"""FAST: an action tokenizer without a network (Pertsch et al. 2025), to compare with: cosines over time, rounded,
and byte pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.fft import dct, idct

from agents.nets.checkpoint import CheckpointError
from crossbody.runs import write_atomic

SCALE = 10.0
VOCABULARY = 1024
QUANTILES = (0.01, 0.99)
FIRST = 0x100  # the character of the smallest coefficient: beyond those that byte-pair training treats specially
FILES = ("bpe.json", "fast.json")


class FastTokenizer:
    """Chunks (horizon, A) -> tokens, as many as the motion needs. Numbers are brought to [-1, 1] by quantiles first."""

    def __init__(self, bpe: Any, low: np.ndarray, high: np.ndarray, horizon: int, reach: tuple[int, int]):
        self._bpe, self._low, self._high = bpe, low, high
        self.horizon, self._smallest, self._largest = horizon, *reach

    @staticmethod
    def fit(chunks: np.ndarray) -> FastTokenizer:
        """Learn the quantiles and the byte pairs of chunks (n, horizon, A)."""
        from tokenizers import Tokenizer, models, trainers

        low, high = np.quantile(chunks, QUANTILES, axis=(0, 1)).astype(np.float32)
        high = np.maximum(high, low + 1e-3)
        whole = _coefficients(chunks, low, high)
        smallest, largest = int(whole.min()), int(whole.max())
        bpe = Tokenizer(models.BPE())
        alphabet = [chr(FIRST + i) for i in range(largest - smallest + 1)]
        trainer = trainers.BpeTrainer(
            vocab_size=max(VOCABULARY, len(alphabet)),
            initial_alphabet=alphabet,
            show_progress=False,
            max_token_length=100,
        )
        bpe.train_from_iterator((_text(c, smallest) for c in whole), trainer)
        return FastTokenizer(bpe, low, high, chunks.shape[1], (smallest, largest))

    def encode(self, chunk: np.ndarray) -> list[int]:
        """Return the tokens of a chunk (horizon, A); coefficients beyond those of the training data are clipped."""
        whole = _coefficients(chunk[None], self._low, self._high)[0]
        return self._bpe.encode(_text(whole.clip(self._smallest, self._largest), self._smallest)).ids

    def decode(self, tokens: Sequence[int]) -> np.ndarray:
        """Return the chunk (horizon, A) of tokens; tokens that make no whole chunk give the middle of the range
        throughout."""
        text = "".join(self._bpe.id_to_token(t) or "" for t in tokens)
        width = len(self._low)
        whole = np.array([ord(c) - FIRST + self._smallest for c in text], np.float64)
        if len(whole) != self.horizon * width:
            whole = np.zeros(self.horizon * width)
        scaled = np.asarray(idct(whole.reshape(self.horizon, width) / SCALE, axis=0, norm="ortho"))
        return ((scaled + 1) / 2 * (self._high - self._low) + self._low).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the byte pairs and the quantiles."""
        stored = {
            "low": self._low.tolist(),
            "high": self._high.tolist(),
            "horizon": self.horizon,
            "reach": [self._smallest, self._largest],
        }
        write_atomic(folder / FILES[0], self._bpe.to_str().encode())
        write_atomic(folder / FILES[1], json.dumps(stored).encode())

    @staticmethod
    def load(folder: Path) -> FastTokenizer:
        """Read what ``save`` wrote; a folder without it raises CheckpointError."""
        from tokenizers import Tokenizer

        if not all((folder / f).exists() for f in FILES):
            raise CheckpointError(f"there is no FAST tokenizer in {folder} ({', '.join(FILES)}).")
        stored = json.loads((folder / FILES[1]).read_text())
        low, high = (np.array(stored[k], np.float32) for k in ("low", "high"))
        return FastTokenizer(
            Tokenizer.from_file(str(folder / FILES[0])), low, high, stored["horizon"], tuple(stored["reach"])
        )


def _coefficients(chunks: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return rounded cosine coefficients (n, horizon, A) of chunks brought to [-1, 1]."""
    scaled = (chunks.clip(low, high) - low) / (high - low) * 2 - 1
    waves = np.asarray(dct(scaled, axis=1, norm="ortho"))
    return np.rint(waves * SCALE).astype(np.int64)


def _text(whole: np.ndarray, smallest: int) -> str:
    """Return coefficients (horizon, A) as characters, slow ones of all joints first."""
    return "".join(chr(FIRST + int(v) - smallest) for v in whole.ravel())
