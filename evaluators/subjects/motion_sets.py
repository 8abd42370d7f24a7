"""What a metric of motion sets takes: embeddings of predicted and of real clips, of their texts, and a generator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evaluators.metric import Unknown

if TYPE_CHECKING:
    import numpy as np

PAIRS = 200
"""Pairs behind a diversity: Humanoid-VLA's number (action2motion's too); text-to-motion takes 300."""

POOL = 32
"""Motions among which R-precision looks for the one that fits a text, as in text-to-motion."""

NO_TEXTS = Unknown("it needs an embedding of texts and motions, and texts")

PAIRS_PER_TEXT = 10
"""Pairs behind the multimodality of a text, as in text-to-motion."""


@dataclass(frozen=True, eq=False)
class MotionSets:
    """Embeddings of motions of one system, and of the real ones. Everything drawn is drawn from ``rng``."""

    pred: np.ndarray  # (n, d)
    ref: np.ndarray  # (m, d)
    rng: np.random.Generator
    text: np.ndarray | None = None  # (n, d), of the text of each row of pred
    labels: tuple[str, ...] = ()  # the text of each row of pred; '' where there is none
    paired: bool = False  # row i of pred belongs to row i of ref
    same: bool = False  # pred are the real clips themselves
    no_text: Unknown = NO_TEXTS  # why there is no text, where there is none

    def chosen(self, kept: np.ndarray) -> MotionSets:
        """Return the sets with some rows of ``pred`` only, and of ``ref`` where the two are paired."""
        ref = self.ref[kept] if self.paired else self.ref
        text = None if self.text is None else self.text[kept]
        labels = tuple(self.labels[i] for i in kept) if self.labels else ()
        return replace(self, pred=self.pred[kept], ref=ref, text=text, labels=labels)


def pair_distances(features: np.ndarray, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Return distances (min(pairs, n),) between members of two draws without replacement, as text-to-motion draws them.

    The draws are independent, so that a member may meet itself: the expected distance is 1 - 1/n of that of distinct
    members."""
    import numpy as np

    count = min(pairs, len(features))
    first, second = (rng.choice(len(features), count, replace=False) for _ in range(2))
    return np.linalg.norm(features[first] - features[second], axis=1)


def ranks(text: np.ndarray, motions: np.ndarray, pool: int, rng: np.random.Generator) -> np.ndarray | Unknown:
    """Return, in pools drawn without replacement, how many motions are nearer to a text than its own; rest is left out.

    A motion that is as near counts as nearer, so that embeddings that are all alike score nothing.
    """
    import numpy as np

    if len(text) < pool:
        return Unknown(f"R-precision needs a pool of {pool} clips with texts, and there are {len(text)}")
    order = rng.permutation(len(text))
    found = []
    for start in range(0, len(text) - pool + 1, pool):
        rows = order[start : start + pool]
        distances = np.linalg.norm(text[rows][:, None] - motions[rows][None], axis=-1)
        found.append((distances <= np.diag(distances)[:, None]).sum(1) - 1)
    return np.concatenate(found)


def r_precision(sets: MotionSets, top: int) -> float | Unknown:
    """Return the fraction of texts whose own motion is among the ``top`` nearest of its pool of 32."""
    if sets.text is None:
        return sets.no_text
    found = ranks(sets.text, sets.pred, POOL, sets.rng)
    return found if isinstance(found, Unknown) else float((found < top).mean())
