"""The embedding of motions and texts that ships: text-to-motion's evaluator on fifteen key points,
trained by ``train matcher``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from crossbody.catalog import ROOT
from crossbody.errors import CrossbodyError
from crossbody.minilm import WIDTH as WORD
from crossbody.runs import write_atomic
from evaluators.backbones.motion import canonical
from evaluators.backbones.motion.networks import FRAMES_PER_CODE, Movement, Recurrent, padded
from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionClip
from evaluators.subjects.motion_sets import NO_TEXTS

if TYPE_CHECKING:
    import numpy as np

    from crossbody.minilm import MiniLM

SHIPPED = ROOT / "checkpoints" / "tiny" / "motion_matcher"
WEIGHTS = "model.safetensors"
TOKENS = 48
BATCH = 64
FORMAT = 1


@dataclass(frozen=True)
class Sizes:
    """Widths of the network's parts."""

    code: int = 128  # of a quarter of a second of movement
    motion: int = 192  # hidden, each direction
    text: int = 192
    embedding: int = 128


class Matcher(nn.Module):
    """Motions and their texts as points that are near each other."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = sizes
        self.movement = Movement(canonical.WIDTH, sizes.code, sizes.code)
        self.motion = Recurrent(sizes.code, sizes.motion, sizes.embedding)
        self.text = Recurrent(WORD, sizes.text, sizes.embedding)
        self.register_buffer("mean", torch.zeros(canonical.WIDTH))
        self.register_buffer("std", torch.ones(canonical.WIDTH))

    def motions(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return points (n, d) of features (n, 196, 91), as ``padded`` makes them with the number of their codes."""
        scaled = (features - self.get_buffer("mean")) / self.get_buffer("std")
        frames = torch.arange(features.shape[1], device=features.device)
        real = frames < FRAMES_PER_CODE * codes[:, None].to(features.device)
        return self.motion(self.movement(scaled * real[..., None]), codes)

    def texts(self, words: Tensor, mask: Tensor) -> Tensor:
        """Return points (n, d) of words (n, L, 384) and their mask (n, L)."""
        return self.text(words, mask.sum(1))

    def save(self, folder: Path, training: Mapping[str, object]) -> None:
        """Write the weights as float16, with the sizes and what made them."""
        from safetensors.torch import save

        head = {"format": str(FORMAT), "sizes": json.dumps(asdict(self.sizes)), "training": json.dumps(training)}
        tensors = {k: v.detach().cpu().half().contiguous() for k, v in self.state_dict().items()}
        write_atomic(folder / WEIGHTS, _ordered(save(tensors, head)))


def _ordered(content: bytes) -> bytes:
    """Return a safetensors file with its metadata in order: the library's own order is random,
    and the file's digest is a version."""
    end = 8 + int.from_bytes(content[:8], "little")
    head = json.loads(content[8:end])
    head["__metadata__"] = dict(sorted(head["__metadata__"].items()))
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[end:]


@dataclass(frozen=True, eq=False)
class Matching:
    """The embedding through a trained network."""

    network: Matcher
    version: str
    name: str = "matcher"
    _words: list[MiniLM] = field(default_factory=list)  # opened at the first text

    @torch.inference_mode()
    def motions(self, system: str, names: Sequence[str], clips: Sequence[MotionClip]) -> np.ndarray:
        """Return features (n, 128)."""
        features = [torch.from_numpy(canonical.canonical(clip)) for clip in clips]
        parts = [self.network.motions(*padded(features[i : i + BATCH])) for i in range(0, len(features), BATCH)]
        return torch.cat(parts).double().numpy()

    @torch.inference_mode()
    def texts(self, names: Sequence[str], texts: Sequence[str]) -> np.ndarray | Unknown:
        """Return features (n, 128); Unknown when a text is missing. What follows a ``#`` (HumanML3D's tags)
        is not read."""
        silent = [name for name, text in zip(names, texts, strict=True) if not text]
        if silent:
            reason = f"{len(silent)} of {len(texts)} motions have no text, such as '{silent[0]}'"
            return Unknown(reason) if len(silent) < len(texts) else NO_TEXTS
        if not self._words:
            from crossbody.minilm import MiniLM

            self._words.append(MiniLM(TOKENS))
        words, masks = zip(*(self._words[0](text.partition("#")[0]) for text in texts), strict=True)
        parts = [
            self.network.texts(torch.stack(words[i : i + BATCH]), torch.stack(masks[i : i + BATCH]))
            for i in range(0, len(texts), BATCH)
        ]
        return torch.cat(parts).double().numpy()


@cache
def load(folder: Path = SHIPPED) -> Matching:
    """Return the embedding in a folder that ``train matcher`` wrote; CrossbodyError when it holds something else."""
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load as load_tensors

    from evaluators.backbones.checkpoint import check_tensors

    file = folder / WEIGHTS
    try:
        content = file.read_bytes()
        with safe_open(file, "pt") as stored:
            head = stored.metadata() or {}
        tensors = {k: v.float() for k, v in load_tensors(content).items()}
        with torch.device("meta"):  # the file's tensors take the place of all that would be drawn
            network = Matcher(Sizes(**json.loads(head["sizes"])))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CrossbodyError(f"{file} is no motion matcher: {error}. `uv run train matcher` makes one.") from error
    if head.get("format") != str(FORMAT):
        raise CrossbodyError(f"{file} has format {head.get('format')}; this version reads {FORMAT}")
    check_tensors(file, tensors, network.state_dict(), "a motion matcher of its sizes")
    network.load_state_dict(tensors, assign=True)
    network.eval().requires_grad_(False)
    return Matching(network, f"sha256 {hashlib.sha256(content).hexdigest()[:12]}")
