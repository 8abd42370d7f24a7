"""The card of a motion matcher: what it is, what made it, and what it does on motions that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from crossbody.seeds import generator
from evaluators.backbones.motion.matcher import BATCH, Matching
from evaluators.backbones.motion.networks import padded
from evaluators.metrics.frechet import frechet
from evaluators.scoring.motions.rows import REPLICATIONS
from evaluators.subjects.motion_sets import PAIRS, POOL, pair_distances, ranks
from training.matcher.matching import Captioned

TOPS = (1, 2, 3)


def text(
    matching: Matching,
    command: str,
    made: Mapping[str, object],
    held_out: Captioned,
    wordings: Sequence[str],
) -> str:
    """Return the card in Markdown. ``command``: what made it."""
    trained, held = made["motions"]  # pyright: ignore - a pair of counts
    return (
        "# Motion matcher, tiny\n\n"
        "Points of motions (fifteen key points) and of texts, near each other where a text tells the motion: "
        "text-to-motion's evaluator\n"
        "(Guo et al. 2022: two convolutions and a recurrent network over movements, a recurrent network over "
        "words), smaller, on MiniLM's\n"
        "words, trained from nothing. `crossbody score motion` prints `fid_matcher`, "
        "`r_precision_top3_matcher` and more through it.\n"
        "Licence: Apache-2.0. Its numbers can be compared only with numbers through these weights at the same "
        "number of motions.\n\n"
        f"```\n{command}\n```\n\n"
        f"{trained} motions ({made['source']}, digest `{made['fingerprint']}`) with captions of their kinds, "
        f"{made['steps']} updates of "
        f"{made['batch']} in {int(str(made['seconds'])) / 60:.0f} minutes; torch {made['torch']}; weights "
        f"{matching.version}.\n"
        "Every fifth seed of every kind is held out, and so are all captions with one of "
        f"{', '.join(repr(w) for w in wordings)}.\n\n"
        + results(matching, held_out)
        + "\nThe motions are made by rules on one robot, and their captions come from a few templates: on real "
        "people and free texts it\n"
        "matches worse than these rows say. Where new wordings are matched worse than by the kind alone, "
        "R-precision of free texts says\n"
        "little; FID and diversity look at motions only. Bodies from 1.0 to 1.9 m were drawn in "
        "training.\n\n![curves](curves.png)\n"
    )


def results(matching: Matching, held_out: Captioned) -> str:
    """Return a table of R-precision on real motions of held-out seeds, in wordings known and new, beside chance;
    and FIDs."""
    lines = ["| real motions, held-out seeds | n | top 1 | top 2 | top 3 | MM-Dist |", "|---|--:|--:|--:|--:|--:|"]
    for name, new in (("captions in trained wordings", False), ("captions in new wordings", True)):
        part = held_out.worded(new)
        points, told = embedded(matching, part), matching.texts(part.kinds, [c[0] for c in part.captions])
        assert isinstance(told, np.ndarray)
        apart = float(np.linalg.norm(points - told, axis=1).mean()) if len(points) else float("nan")
        lines.append(f"| {name} | {len(points)} | {_tops(told, points)} | {apart:.2f} |")
    lines.append(
        f"| whoever knows the kind and nothing else | {len(held_out)} | {_tops(*_by_kind(held_out.kinds))} | |"
    )
    lines.append(f"| chance | | {' | '.join(f'{k / POOL:.3f}' for k in TOPS)} | |")
    return "\n".join(lines) + "\n\n" + _spread(embedded(matching, held_out))


@torch.inference_mode()
def embedded(matching: Matching, part: Captioned) -> np.ndarray:
    """Return the motions' points (n, d)."""
    features = [torch.from_numpy(f) for f in part.features]
    parts = [matching.network.motions(*padded(features[i : i + BATCH])) for i in range(0, len(features), BATCH)]
    return torch.cat(parts).double().numpy()


def _tops(texts: np.ndarray, points: np.ndarray) -> str:
    if len(points) < POOL:
        return " | ".join("–" for _ in TOPS)
    drawn = [ranks(texts, points, POOL, generator(i, "matcher/card")) for i in range(REPLICATIONS)]
    return " | ".join(_estimate([float(np.mean(np.asarray(r) < k)) for r in drawn]) for k in TOPS)


def _by_kind(kinds: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return points of texts and motions for a guess by the kind: one place each, motions moved a little at random."""
    places = np.eye(len(set(kinds)))[np.unique(kinds, return_inverse=True)[1]]
    moved = generator(0, "matcher/kinds").normal(scale=1e-3, size=places.shape)
    return places, places + moved


def _spread(points: np.ndarray) -> str:
    def drawn(value: Callable[[np.random.Generator], float]) -> str:
        return _estimate([value(generator(i, "matcher/card")) for i in range(REPLICATIONS)])

    def halves(rng: np.random.Generator) -> float:
        order, half = rng.permutation(len(points)), len(points) // 2
        return frechet(points[order[:half]], points[order[half : 2 * half]])

    if len(points) < 4:
        return ""
    return (
        f"Real against real: FID of halves of {len(points) // 2} motions {drawn(halves)}, diversity of "
        f"{min(PAIRS, len(points))} pairs "
        f"{drawn(lambda rng: float(pair_distances(points, PAIRS, rng).mean()))}.\n"
        f"Means of {REPLICATIONS} draws ± 1.96 standard errors of them; pools of {POOL}.\n"
    )


def _estimate(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {1.96 * np.std(values) / len(values) ** 0.5:.3f}"
