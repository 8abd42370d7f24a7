"""The analyses of policies: how far from the expert their chunks are, and success over the number of demonstrations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import numpy as np
import torch
from matplotlib.figure import Figure

from agents.nets.checkpoint import Checkpoint, load_checkpoint
from agents.unit.config import PolicyConfig, from_dict
from agents.unit.context import Context
from agents.unit.localizer import distances
from agents.unit.policy import Batch, Policy, make_context, make_processor
from crossbody.errors import CrossbodyError
from crossbody.seeds import generator
from reports import frames
from reports.sections import task_cells
from reports.statistics import Estimate, mean_over_tasks, mean_over_units
from training.data.chunks import Chunks, open_chunks
from training.unit.analyse import Efficiency, Imitation
from training.unit.batches import episode_of, kept_out
from training.unit.options import PolicyOptions
from training.unit.ready import Needs, make_ready

Row = dict[str, Any]
BATCH = 64
TRAINED = "Give a folder that `train gr00t|vla_unit` wrote."
BESIDE = 1.04  # lines of a figure stand so far apart that their intervals can be told
LEAST_STD = 0.01  # rad or m: of a number that hardly moves


@dataclass(frozen=True)
class Errors:
    """One policy's errors on the chunks that all were asked for."""

    each: np.ndarray  # (n, horizon, A) absolute, rad or m
    expert: np.ndarray  # (n, horizon, A) what was demonstrated
    mask: np.ndarray  # (n, horizon) False after the episode's end
    episode: np.ndarray  # (n,)
    places: np.ndarray  # (n, 2) cm by which object and container are mistaken, NaN where unknown


def imitation(options: Imitation) -> tuple[list[Row], Figure]:
    """Return each policy's absolute error on chunks that none was trained on, and its difference from the first's, in
    pairs.

    Errors are in standard deviations of each number over the demonstrated chunks. Intervals resample episodes.
    ``object_cm`` and
    ``container_cm`` are the mean horizontal distances by which a policy mistakes where things are, None where it does
    not say."""
    if not options.policies:
        raise CrossbodyError("which policies? Give --policies DIR [DIR …], folders that `train gr00t|vla_unit` wrote.")
    stored = [load_checkpoint(folder, "policy", TRAINED) for folder in options.policies]
    for folder, policy in zip(options.policies, stored, strict=True):
        if options.embodiment not in policy.scalings:
            raise CrossbodyError(
                f"{folder}: this policy never saw {options.embodiment}, only {', '.join(policy.scalings)}."
            )
    chunks = _demonstrations(options)
    unseen = _unseen(stored, chunks, options)
    found = [_errors(f, policy, chunks, unseen, options) for f, policy in zip(options.policies, stored, strict=True)]
    first = found[0]
    std = first.expert[first.mask].std(0).clip(LEAST_STD)
    scores = [(e.each / std).mean(-1) for e in found]  # (n, horizon)
    rows = []
    for folder, asked, score in zip(options.policies, found, scores, strict=True):
        value = _over_episodes(score, first, options.seed)
        apart = _over_episodes(score - scores[0], first, options.seed)
        rows.append(
            {
                "policy": str(folder),
                "error": value.value,
                "low": value.low,
                "high": value.high,
                "difference": apart.value,
                "difference_low": apart.low,
                "difference_high": apart.high,
                **dict(zip(("object_cm", "container_cm"), _known_mean(asked.places), strict=True)),
                "episodes": value.n,
                "chunks": len(score),
            }
        )
    return rows, _errors_drawn(options, rows, [np.where(first.mask, s, 0).sum(0) / first.mask.sum(0) for s in scores])


def _errors_drawn(options: Imitation, rows: Sequence[Row], steps: Sequence[np.ndarray]) -> Figure:
    """Draw each policy's error over the chunk's steps, and its difference from the first policy's with the interval."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    over_steps, apart = figure.subplots(1, 2)
    for row, errors in zip(rows, steps, strict=True):
        over_steps.plot(np.arange(len(errors)), errors, marker="o", markersize=3, label=row["policy"])
    over_steps.set(
        xlabel="step of the chunk", ylabel="absolute error, in standard deviations", title=options.embodiment
    )
    over_steps.legend(fontsize=7)
    for place, row in enumerate(rows[1:]):
        middle, low, high = (row[f"difference{end}"] for end in ("", "_low", "_high"))
        apart.errorbar(
            middle, -place, xerr=[[middle - low], [high - middle]], marker="o", capsize=3, color=f"C{place + 1}"
        )
    apart.axvline(0, color="grey", linewidth=0.8)
    apart.set_yticks(-np.arange(len(rows) - 1), [row["policy"] for row in rows[1:]], fontsize=7)
    apart.set(xlabel="difference in error, with 95 % interval", title=f"minus {rows[0]['policy']}")
    return figure


def efficiency(options: Efficiency) -> tuple[list[Row], Figure]:
    """Return each run's success with its interval over the number of robot demonstrations that its policy was trained
    on."""
    if not options.runs:
        raise CrossbodyError("which runs? Give --runs DIR [DIR …], folders that `evaluate` wrote.")
    runs = [frames.read(folder) for folder in options.runs]
    frames.require_one_protocol(runs)
    frames.require_complete(runs)
    rows = sorted((_point(run) for run in runs), key=lambda r: (r["policy"], r["demonstrations"]))
    figure = Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for number, (policy, group) in enumerate(groupby(rows, key=lambda r: r["policy"])):
        points = list(group)
        middle = np.array([r["success"] for r in points])
        reach = np.abs(np.array([[r["low"], r["high"]] for r in points]).T - middle)
        aside = [r["demonstrations"] * BESIDE**number for r in points]
        axes.errorbar(aside, 100 * middle, 100 * reach, marker="o", capsize=3, label=policy)
    axes.set(
        xlabel="robot demonstrations",
        ylabel="success, %",
        xscale="log",
        ylim=(0, 100),
        title=runs[0].manifest.suite_title,
    )
    given = sorted({r["demonstrations"] for r in rows})
    axes.set_xticks(given, [f"{n:,}" for n in given])
    axes.minorticks_off()
    axes.legend()
    return rows, figure


def _point(run: frames.Run) -> Row:
    trained = run.manifest.agent_card.get("training", {}).get("data")
    if not trained:
        raise CrossbodyError(f"{run.path}: the manifest does not say what its agent was trained on.")
    demonstrated = {d["embodiment"]: d["episodes"] for d in trained if d["actions"]}
    others = [name for name in demonstrated if not name.startswith("gr1")]
    estimate = mean_over_tasks(task_cells(frames.episodes([run])), generator(run.manifest.seed, "intervals"))
    return {
        "policy": " + ".join([run.manifest.agent, *others]),
        "demonstrations": sum(n for name, n in demonstrated.items() if name.startswith("gr1")),
        "success": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "run": str(run.path),
    }


def _demonstrations(options: Imitation, share: float = 1.0) -> Chunks:
    for folder in options.data:
        for chunks in open_chunks(folder, share):
            if chunks.embodiment == options.embodiment and any(name.startswith("action.") for name in chunks.values):
                return chunks
    raise CrossbodyError(f"--data has no demonstrations of {options.embodiment}.")


def _unseen(policies: Sequence[Checkpoint], chunks: Chunks, options: Imitation) -> np.ndarray:
    """Return which rows are in episodes that no policy was trained on, bool (rows,).
    Episodes are known by their videos."""
    known = {
        1.0: (chunks.fingerprint(), _trained_on(chunks))
    }  # share -> digest, and the videos that training on it sees
    trained: set[str] = set()
    for folder, policy in zip(options.policies, policies, strict=True):
        shares = set(np.atleast_1d(np.asarray(policy.training["options"].get("episodes", 1.0), float)).tolist())
        for share in shares - set(known):
            part = _demonstrations(options, share)
            known[share] = part.fingerprint(), _trained_on(part)
        given = {d["fingerprint"] for d in policy.training["data"] if d["embodiment"] == options.embodiment}
        known_videos = [videos for digest, videos in (known[share] for share in shares) if digest in given]
        if not known_videos:
            print(
                f"{folder}: not trained on --data, or on another state of it; it is taken to have seen none of it",
                file=sys.stderr,
            )
        trained = trained.union(*known_videos)
    unseen = np.array([video not in trained for video in chunks.videos()])
    if not unseen.any():
        raise CrossbodyError(
            "these policies were trained on all demonstrations of --data: collect others, with another --seed."
        )
    return unseen[episode_of(chunks)]


def _trained_on(chunks: Chunks) -> set[str]:
    kept = kept_out(chunks)
    numbers = np.unique(episode_of(chunks)[~kept])
    videos = chunks.videos()
    return {videos[number] for number in numbers}


@torch.no_grad()
def _errors(folder: Path, stored: Checkpoint, chunks: Chunks, unseen: np.ndarray, options: Imitation) -> Errors:
    """Ask a policy for the chunks of the same rows, from no noise."""
    config: PolicyConfig = from_dict(PolicyConfig, stored.config)
    policy = Policy(config, make_context(config, pretrained=False)).eval()
    stored.restore(policy, folder)
    needs = Needs(
        config.embodiments,
        config.visual,
        config.horizon,
        BATCH,
        {"demonstrations": 1.0, "frames": 0.0},
        False,
        cached=config.visual.cached,
        processor=make_processor(config),
        known=(stored.scalings, stored.features),
    )
    batches = make_ready(PolicyOptions(seed=options.seed), [chunks], needs).batches
    stream = batches.streams[0]
    rows = stream.source.rows[unseen[stream.source.rows]]
    rows = np.sort(np.random.default_rng(options.seed).permutation(rows)[: options.samples])
    made, places = [], []
    for some in np.array_split(rows, -(-len(rows) // BATCH)):
        batch = batches.at([(0, stream, some)])
        made.append(policy.act(batch, torch.zeros_like(batch["action"])))
        places.append(_mistaken(policy.context(batch), batch))
    raw, width = stream.source.raw(rows), stream.source.embodiment.width
    given = stream.scaling.unscale(torch.cat(made)[..., :width].numpy(), raw.state)
    return Errors(np.abs(given - raw.action), raw.action, raw.mask, chunks.last[rows], np.concatenate(places))


def _mistaken(context: Context, batch: Batch) -> np.ndarray:
    if context.positions is None:
        return np.full((len(batch["state"]), 2), np.nan)
    distance, known = distances(context.positions, batch)
    return torch.where(known, distance, torch.nan).numpy()


def _known_mean(places: np.ndarray) -> list[float | None]:
    """Return the mean of each column over what is known, None where nothing is."""
    return [float(known.mean()) if len(known := column[np.isfinite(column)]) else None for column in places.T]


def _over_episodes(score: np.ndarray, asked: Errors, seed: int) -> Estimate:
    """Return the mean over steps of chunks with the interval that episodes, not chunks, give it."""
    episodes = np.unique(asked.episode)
    inside = [asked.mask & (asked.episode == e)[:, None] for e in episodes]
    return mean_over_units(
        [float(score[i].mean()) for i in inside], generator(seed, "intervals"), weights=[float(i.sum()) for i in inside]
    )
