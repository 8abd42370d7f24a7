"""Five independent tokenizers, one for each part of the body: a step of motion is five codes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from agents.nets.checkpoint import Checkpoint, load_checkpoint
from agents.nets.motion_codes import CodeSizes, MotionCodes
from crossbody.catalog import ROOT
from crossbody.errors import CrossbodyError
from tasks.motion import parts

if TYPE_CHECKING:
    import numpy as np

KIND = "motion tokens"
WHOLE_KIND = "whole-body tokens"
SHIPPED = ROOT / "checkpoints" / "tiny" / "motion_tokens"


class PartCodes(nn.Module):
    """Numbers (B, T, 48) as ``tasks.motion.parts`` makes them <-> codes (B, L, 5).
    No part's codes or numbers depend on another's."""

    columns = parts.COLUMNS
    kind = KIND

    def __init__(self, sizes: CodeSizes):
        super().__init__()
        self.sizes = sizes
        widths = {name: len(range(*c.indices(parts.WIDTH))) for name, c in self.columns.items()}
        self.parts = nn.ModuleDict({name: MotionCodes(width, sizes) for name, width in widths.items()})

    def of(self, part: str) -> MotionCodes:
        """Return the tokenizer of a part."""
        found = self.parts[part]
        assert isinstance(found, MotionCodes)
        return found

    def set_statistics(self, mean: Tensor) -> None:
        """Take the mean (48,) of all numbers; their units are the representation's own."""
        for name, columns in self.columns.items():
            net = self.of(name)
            net.mean.copy_(mean[columns])
            net.units.copy_(torch.tensor(parts.UNITS[columns]))

    def encode(self, numbers: Tensor) -> Tensor:
        """Return the codes (B, L, 5) of numbers (B, T, 48)."""
        return torch.stack([self.of(p).encode(numbers[..., c]) for p, c in self.columns.items()], -1)

    def encode_tracks(self, numbers: Tensor) -> Tensor:
        """Return the codes (B, L, 3) of the tracks of root, left and right hand: of their part,
        all else of it at its mean."""
        found = []
        for part, known in parts.TRACKS.values():
            net = self.of(part)
            bare = net.mean.expand(*numbers.shape[:-1], -1).clone()
            bare[..., list(known)] = numbers[..., parts.COLUMNS[part]][..., list(known)]
            found.append(net.encode(bare))
        return torch.stack(found, -1)

    def decode(self, codes: Tensor) -> Tensor:
        """Return the numbers (B, T, 48) of codes (B, L, 5)."""
        return torch.cat([self.of(p).decode(codes[..., i]) for i, p in enumerate(self.columns)], -1)

    @torch.inference_mode()
    def codes_of(self, points: np.ndarray) -> np.ndarray:
        """Return the codes (L, 5) of key points (T, 15, 3) at 20 frames a second;
        what is left of a whole step at the end is left out."""
        numbers = parts.encode(points)
        whole = len(numbers) // self.sizes.frames_per_code * self.sizes.frames_per_code
        return self.encode(torch.from_numpy(numbers[None, :whole]))[0].numpy()

    @torch.inference_mode()
    def tracks_of(self, points: np.ndarray, track: str) -> np.ndarray:
        """Return the codes (L,) of a track of key points (T, 15, 3) at 20 frames a second."""
        numbers = torch.from_numpy(parts.encode(points)[None])
        return self.encode_tracks(numbers)[0, :, list(parts.TRACKS).index(track)].numpy()

    @torch.inference_mode()
    def points_of(self, codes: np.ndarray, held: bool = True) -> np.ndarray:
        """Return the key points (T, 15, 3) of codes (L, 5), from the origin, facing x."""
        return parts.decode(self.decode(torch.from_numpy(codes[None]).long())[0].numpy(), held)


class WholeCodes(PartCodes):
    """One tokenizer of the whole body, as T2M-GPT has it: codes (B, L, 1)."""

    columns = {"body": slice(0, parts.WIDTH)}
    kind = WHOLE_KIND

    def encode_tracks(self, numbers: Tensor) -> Tensor:
        """Return no codes (B, L, 0): a codebook of the whole body tells no joint's track."""
        return self.encode(numbers)[..., :0]


def save(net: PartCodes, folder: Path, weights: dict[str, np.ndarray], training: dict[str, object]) -> Checkpoint:
    """Write a checkpoint and return it."""
    checkpoint = Checkpoint(net.kind, asdict(net.sizes), weights, {}, {}, training)
    checkpoint.save(folder)
    return checkpoint


def load_tokens(folder: Path = SHIPPED, made: type[PartCodes] = PartCodes) -> tuple[PartCodes, Checkpoint]:
    """Return the frozen tokenizers in a folder; CheckpointError when there are none. ``made``: of the parts,
    or of the whole."""
    whole = " --whole" if made is WholeCodes else ""
    stored = load_checkpoint(folder, made.kind, f"`uv run train motion_tokens{whole} --out {folder}` makes one.")
    try:
        net = made(CodeSizes(**stored.config))
    except TypeError as error:
        raise CrossbodyError(f"{folder} names sizes that motion tokens do not have: {error}.") from error
    stored.restore(net, folder)
    return net.requires_grad_(False).eval(), stored
