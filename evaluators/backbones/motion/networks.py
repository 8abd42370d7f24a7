"""The two parts of text-to-motion's evaluator (Guo et al. 2022), under its names:
ours and the official one are made of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

SLOPE, DROPOUT = 0.2, 0.2
FRAMES_PER_CODE = 4
LONGEST = 196
"""Frames that the evaluator looks at, at 20 a second."""


class Movement(nn.Module):
    """Codes (n, L / 4, out) of features (n, L, in): two convolutions that halve the rate, and a linear layer."""

    def __init__(self, features: int, hidden: int, out: int):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv1d(features, hidden, 4, 2, 1),
            nn.Dropout(DROPOUT),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(hidden, out, 4, 2, 1),
            nn.Dropout(DROPOUT),
            nn.LeakyReLU(SLOPE),
        )
        self.out_net = nn.Linear(out, out)

    def forward(self, features: Tensor) -> Tensor:
        return self.out_net(self.main(features.transpose(1, 2)).transpose(1, 2))


class Recurrent(nn.Module):
    """One vector (n, out) of a sequence (n, L, in): the last states of a GRU in both directions,
    and two linear layers."""

    def __init__(self, features: int, hidden: int, out: int):
        super().__init__()
        self.input_emb = nn.Linear(features, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, out)
        )
        self.hidden = nn.Parameter(torch.randn(2, 1, hidden))

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """``lengths`` (n,): how much of each sequence counts, at least one."""
        start = self.hidden.repeat(1, len(sequences), 1)
        packed = pack_padded_sequence(self.input_emb(sequences), lengths.cpu(), batch_first=True, enforce_sorted=False)
        last = self.gru(packed, start)[1]
        return self.output_net(torch.cat([last[0], last[1]], -1))


def padded(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return sequences (L, d) as (n, 196, d), zero after the end, and how many codes each has.

    They are cut to 196 frames and then to whole codes. All are padded alike: behind the convolutions the padding is not
    zero, and it reaches the last code, so that with another padding a motion would have another embedding.
    """
    batch = sequences[0].new_zeros(len(sequences), LONGEST, sequences[0].shape[1])
    codes = torch.tensor([min(len(s), LONGEST) // FRAMES_PER_CODE for s in sequences])
    for row, sequence, count in zip(batch, sequences, codes.tolist(), strict=True):
        row[: FRAMES_PER_CODE * count] = sequence[: FRAMES_PER_CODE * count]
    return batch, codes
