"""The analyses of a tokenizer: each returns its numbers, as rows, and a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("agg")
import numpy as np
import torch
from matplotlib.figure import Figure

from agents.nets.embodiments import Scaling
from agents.nets.quantizer import perplexity
from agents.unit.fast import FastTokenizer
from agents.unit.tokenizer import UniT
from crossbody.errors import CrossbodyError
from evaluators.metrics.alignment import knn_mixing, linear_probe, mmd, retrieval, tsne
from training.data.chunks import open_chunks
from training.unit.analyse import Alignment, Codebook, Denoising
from training.unit.inputs import Batch, Stream
from training.unit.options import UnitOptions
from training.unit.parts import load_tokenizer, prepare
from training.unit.ready import Needs, make_ready

Row = dict[str, Any]
SIGMAS = np.linspace(0, 0.5, 11)
BATCH = 64
PICTURED = 400  # points of each body in a t-SNE picture


@dataclass(frozen=True)
class Encoded:
    """Held-out chunks of one body."""

    stream: Stream
    batch: Batch
    codes: dict[str, torch.Tensor]  # branch -> (n, tokens, levels)
    embeddings: dict[str, np.ndarray]  # branch, and 'raw action' -> (n, d)
    tasks: np.ndarray  # (n,) instructions


def codebook(options: Codebook) -> tuple[list[Row], Figure]:
    """Return used codes, perplexity and agreement with the fusion branch, for each body, branch and level."""
    unit, bodies = _encode(options)
    rows, figure = [], Figure(figsize=(9, 2.2 * len(bodies)), layout="constrained")
    size = unit.config.codes
    for i, (body, encoded) in enumerate(bodies.items()):
        axes = figure.add_subplot(len(bodies), 1, i + 1)
        for branch, codes in encoded.codes.items():
            agreement = (codes == encoded.codes[unit.config.target_branch]).float().mean((0, 1))
            for level in range(unit.config.levels):
                used = torch.bincount(codes[..., level].flatten(), minlength=size)
                rows.append(
                    {
                        "body": body,
                        "branch": branch,
                        "level": level + 1,
                        "used": int((used > 0).sum()),
                        "of": size,
                        "perplexity": float(perplexity(codes[..., level], size)),
                        "agreement": float(agreement[level]),
                    }
                )
            first = torch.bincount(codes[..., 0].flatten(), minlength=size).numpy()
            axes.plot(np.sort(first)[::-1] / first.sum(), label=branch)
        axes.set(title=f"{body}: share of each code of level 1, sorted", xlabel="code", ylabel="share")
        axes.legend()
    return rows, figure


def alignment(options: Alignment) -> tuple[list[Row], Figure]:
    """Return the measures of mixing of two bodies, of raw actions and of every branch's embeddings."""
    _, bodies = _encode(options)
    if len(bodies) != 2:
        raise CrossbodyError(f"alignment compares two bodies; --data has {', '.join(bodies)}.")
    (name, one), (other_name, other) = bodies.items()
    random, rows = np.random.default_rng(options.seed), []
    spaces = list(one.embeddings)
    figure = Figure(figsize=(3.2 * len(spaces), 3.2), layout="constrained")
    for i, space in enumerate(spaces):
        x, y = one.embeddings[space], other.embeddings[space]
        rows.append(
            {
                "space": space,
                "knn_mixing": knn_mixing(x, y, options.neighbours),
                "linear_probe": linear_probe(x, y, random),
                "mmd": mmd(x, y),
                "task_retrieval": retrieval(x, y, one.tasks, other.tasks),
                "n": len(x) + len(y),
            }
        )
        x, y = x[:PICTURED], y[:PICTURED]
        picture = tsne(np.concatenate([x, y]), random)
        axes = figure.add_subplot(1, len(spaces), i + 1)
        axes.scatter(*picture[: len(x)].T, s=4, label=name)
        axes.scatter(*picture[len(x) :].T, s=4, label=other_name)
        axes.set(title=space, xticks=[], yticks=[])
        axes.legend()
    return rows, figure


def denoising(options: Denoising) -> tuple[list[Row], Figure]:
    """Return the squared error to the clean actions, in units of each number's standard deviation, over the noise."""
    unit, bodies = _encode(options)
    if options.embodiment not in bodies:
        raise CrossbodyError(f"--data has no {options.embodiment}, only {', '.join(bodies)}.")
    encoded = bodies[options.embodiment]
    source, scaling = encoded.stream.source, encoded.stream.scaling
    raw = source.raw(source.rows)
    chunks = raw.action[raw.mask.all(1)]
    std = chunks.std((0, 1)).clip(1e-3)
    width = source.embodiment.width
    state, numbers = encoded.batch["state_raw"][:, :width].numpy(), encoded.batch["action"][..., :width].numpy()
    clean = scaling.unscale(numbers, state)
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "noise itself": lambda x: x,
        "UniT": _coder(unit, encoded, scaling),
    }
    if options.action_tokenizer:
        ways["action tokenizer"] = _coder(load_tokenizer(options.action_tokenizer)[0], encoded, scaling)
    fast = FastTokenizer.fit(chunks)
    ways["FAST"] = lambda x: np.stack([fast.decode(fast.encode(c)) for c in x])
    noise = np.random.default_rng(options.seed).normal(size=clean.shape) * std
    rows = []
    for sigma in SIGMAS:
        noisy = (clean + sigma * noise).astype(np.float32)
        errors = {name: float(np.square((way(noisy) - clean) / std).mean()) for name, way in ways.items()}
        rows.append({"sigma": float(sigma), **errors, "n": len(clean)})
    figure = Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for name in ways:
        axes.plot(SIGMAS, [r[name] for r in rows], marker="o", markersize=3, label=name)
    axes.set(
        xlabel="noise, in standard deviations", ylabel="squared error to the clean action", title=options.embodiment
    )
    axes.legend()
    return rows, figure


def _coder(unit: UniT, encoded: Encoded, scaling: Scaling) -> Callable[[np.ndarray], np.ndarray]:
    """Return what a tokenizer's action branch makes of raw chunks (n, horizon, A): encoded, quantised and decoded."""
    width = scaling.embodiment.width
    state = encoded.batch["state_raw"][:, :width].numpy()

    @torch.no_grad()
    def code(chunks: np.ndarray) -> np.ndarray:
        padded = torch.zeros_like(encoded.batch["action"])
        padded[..., :width] = torch.from_numpy(scaling.action(chunks, state))
        batch = encoded.batch | {"action": padded}
        vectors = unit.quantizer(unit.features(batch, ("action",))["action"]).vectors
        return scaling.unscale(unit.decode_action(batch, vectors)[..., :width].numpy(), state)

    return code


def _encode(options: Codebook) -> tuple[UniT, dict[str, Encoded]]:
    """Return the tokenizer, and held-out chunks of each body in --data as it sees them."""
    unit, stored = load_tokenizer(options.tokenizer)
    bodies = {}
    for folder in options.data:
        for chunks in open_chunks(folder):
            if any(name.startswith("action.") for name in chunks.values):
                c, known = unit.config, (stored.scalings, stored.features)
                shares = {"demonstrations": 1.0, "frames": 0.0}
                needs = Needs(
                    c.embodiments, c.visual, c.horizon, BATCH, shares, True, cached=c.visual.cached, known=known
                )
                ready = make_ready(UnitOptions(seed=options.seed), [chunks], needs)
                stream = ready.batches.streams[0]
                parts = [ready.batches(i, held_out=True) for i in range(-(-options.samples // BATCH))]
                bodies[chunks.embodiment] = _through(unit, stream, _joined(parts))
    return unit, bodies


@torch.no_grad()
def _through(unit: UniT, stream: Stream, batch: Batch) -> Encoded:
    batch = prepare(batch, unit.config, None)
    branches = list(_features(unit, batch))
    joined = {name: torch.cat([b[name] for b in branches]) for name in branches[0]}
    embeddings = {"raw action": batch["action"].flatten(1).numpy()} | {
        n: f.flatten(1).numpy() for n, f in joined.items()
    }
    codes = {name: unit.quantizer(f).indices for name, f in joined.items()}
    instructions = stream.source.chunks.instructions
    return Encoded(stream, batch, codes, embeddings, np.array([instructions[int(i)] for i in batch["instruction"]]))


def _features(unit: UniT, batch: Batch) -> Iterator[dict[str, torch.Tensor]]:
    for start in range(0, len(batch["slot"]), BATCH):
        yield unit.features({name: value[start : start + BATCH] for name, value in batch.items()})


def _joined(parts: list[Batch]) -> Batch:
    names = ("coarse", "goal_coarse", "state", "state_raw", "action", "action_mask", "slot", "instruction")
    return {name: torch.cat([p[name] for p in parts]) for name in names}
