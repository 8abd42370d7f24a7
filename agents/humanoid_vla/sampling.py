"""Sampling of answers: at every place only what may stand there, so that no illegal sequence exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from agents.humanoid_vla.model import LanguageModel
from agents.humanoid_vla.vocabulary import CLOSE, PAD, STATE, STEP, TEXT, TRACK, Place
from agents.nets.one_thread import one_thread
from crossbody.seeds import generator
from tasks.motion.parts import PARTS

BATCH = 96
LONGEST_WORDS = 64


@dataclass(frozen=True)
class Wish:
    """One answer that is asked for: its prompt, and what is not left to the model."""

    prompt: list[int]
    steps: int | None = None  # exactly so many; None: the model ends by itself
    kept: dict[tuple[int, int], int] = field(default_factory=dict)  # (step, part) -> code that must stand there


class Draws:
    """Uniform numbers by row and place, whatever else is in the batch: the same seed and row give the same answer."""

    def __init__(self, seed: int, rows: Sequence[int], longest: int):
        self._table = np.stack([generator(seed, f"answer/{row}").random(longest) for row in rows])

    def at(self, place: int) -> Tensor:
        return torch.from_numpy(self._table[:, place])


@torch.inference_mode()
def motions(model: LanguageModel, wishes: Sequence[Wish], seed: int, temperature: float = 0.7) -> list[np.ndarray]:
    """Return the codes (L, 5) of motions; L is the model's own, or as wished."""
    longest = max([model.sizes.longest, *(w.steps or 0 for w in wishes)])

    def place(k: int) -> Place:
        return STEP[k % len(PARTS)]

    found = _all(model, wishes, place, (longest * len(PARTS) + 1, seed, temperature))
    return [np.array(c[: len(c) // len(PARTS) * len(PARTS)]).reshape(-1, len(PARTS)) for c in found]


@torch.inference_mode()
def states(model: LanguageModel, prompts: Sequence[list[int]], seed: int, temperature: float = 0.0) -> list[np.ndarray]:
    """Return the five codes of states."""
    wishes = [Wish(p) for p in prompts]
    return [np.array(c) for c in _all(model, wishes, lambda k: STATE[k], (len(PARTS), seed, temperature))]


@torch.inference_mode()
def tracks(
    model: LanguageModel, prompts: Sequence[list[int]], track: str, seed: int, temperature: float = 0.0
) -> list[np.ndarray]:
    """Return the codes (L,) of tracks of one joint."""
    wishes = [Wish(p) for p in prompts]
    found = _all(model, wishes, lambda k: TRACK[track], (model.sizes.longest + 1, seed, temperature))
    return [np.array(c) for c in found]


@torch.inference_mode()
def sentences(model: LanguageModel, prompts: Sequence[list[int]], seed: int, temperature: float = 0.0) -> list[str]:
    """Return sentences: captions and lengths."""
    wishes = [Wish(p) for p in prompts]
    found = _all(model, wishes, lambda k: TEXT, (LONGEST_WORDS, seed, temperature))
    words = model.vocabulary.allowed(TEXT)
    return [model.vocabulary.text([words[c] for c in row]) for row in found]


Rule = tuple[int, int, float]
"""Longest answer in ids, seed, temperature."""


def _all(model: LanguageModel, wishes: Sequence[Wish], place: Callable[[int], Place], rule: Rule) -> list[list[int]]:
    """Return for each wish the numbers, among what may stand at each place, up to the end."""
    found: list[list[int]] = []
    with one_thread():
        for start in range(0, len(wishes), BATCH):
            rows = range(start, min(start + BATCH, len(wishes)))
            found += _batch(model, [wishes[r] for r in rows], place, rule, Draws(rule[1], rows, rule[0]))
    return found


def _batch(
    model: LanguageModel, wishes: Sequence[Wish], place: Callable[[int], Place], rule: Rule, draws: Draws
) -> list[list[int]]:
    longest, _, temperature = rule
    ids, real = _left_padded([w.prompt for w in wishes], model.table.device)
    cache = None
    done = np.zeros(len(wishes), bool)
    found: list[list[int]] = [[] for _ in wishes]
    for k in range(longest):
        hidden, cache = model.body(ids, real, cache)
        here = place(k)
        logits = model.logits(hidden[:, -1], here).float().cpu()
        _constrain(logits, wishes, k, here, k == longest - 1)
        chosen = _drawn(logits, temperature, draws.at(k)).numpy()
        ended = (chosen == logits.shape[1] - 1) if here.ends >= 0 else np.zeros(len(wishes), bool)
        done |= ended
        for row in np.flatnonzero(~done):
            found[row].append(int(chosen[row]))
        if done.all():
            break
        allowed = model.allowed(here)
        ids = allowed[torch.from_numpy(chosen).to(allowed.device)][:, None]
        real = torch.cat([real, real.new_ones(len(wishes), 1)], 1)
    return found


def _constrain(logits: Tensor, wishes: Sequence[Wish], k: int, here: Place, last: bool) -> None:
    """Forbid, in place, what a wish rules out: an end before its time, anything but the end at it,
    another code than the kept one."""
    step, part = divmod(k, len(PARTS))
    motion = here.ends == CLOSE["motion"] or here in STEP[1:]
    for row, wish in enumerate(wishes):
        code = wish.kept.get((step, part)) if motion else None
        if here.ends >= 0 and motion:
            must_end = last or (wish.steps is not None and step >= wish.steps)
            may_end = step > 0 and (wish.steps is None or must_end) and (code is None or must_end)
            _only(logits[row], -1 if must_end else None, may_end)
            if must_end:
                continue
        elif here.ends >= 0:
            _only(logits[row], -1 if last else None, k > 0)
        if code is not None:
            _only(logits[row], code, True)


def _only(row: Tensor, choice: int | None, may_end: bool) -> None:
    if not may_end:
        row[-1] = -torch.inf
    if choice is not None:
        kept = row[choice].clone() if row[choice] > -torch.inf else row.new_zeros(())
        row.fill_(-torch.inf)
        row[choice] = kept


def _drawn(logits: Tensor, temperature: float, uniform: Tensor) -> Tensor:
    """Return a choice for each row (n,): the likeliest at temperature 0, else by one uniform number each."""
    if temperature <= 0:
        return logits.argmax(1)
    sums = (logits.double() / temperature).softmax(1).cumsum(1)
    return torch.searchsorted(sums, uniform[:, None] * sums[:, -1:], right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def _left_padded(prompts: Sequence[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids (n, T) padded before, and which of them are real."""
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), PAD)
    real = torch.zeros(len(prompts), longest, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        real[row, longest - len(prompt) :] = True
    return ids.to(device), real.to(device)
