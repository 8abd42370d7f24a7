"""The episodes of a run as a page shows them: outcome, reason, scene, video, and the lines of the trace."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from crossbody.contracts import EpisodeRow
from crossbody.reading import Unreadable, read_bytes, read_json
from crossbody.runs import DamagedTrace, RunFolder
from reports.reason import Episode, explain
from reports.sections import label

if TYPE_CHECKING:
    import numpy as np

    from reports.frames import Run

EMBED_EACH, EMBED_ALL = 400_000, 16_000_000
"""Bytes: a video goes into the page up to the first, until the page holds the second;
the others are linked beside it."""
SERIES_IN_PAGE = 1_500_000  # characters of all traces' lines; beyond it they stand in files beside the page
SERIES_PER_FILE = 50  # episodes
POINTS = 80  # of a line
LINES = 7  # of a panel
LARGEST_SCENE = 4_000_000  # bytes
MM, CM = 1000.0, 100.0


class Told(NamedTuple):
    """One episode of the page."""

    id: str
    task: str
    split: str
    outcome: str  # success, failure, error, missing
    reason: str  # the group of failures it is in, '' for a success
    sentence: str  # how that shows in this episode
    seconds: float | None  # to the first success, else to the end
    instruction: str
    objects: str
    seed: int
    attempt: int
    video: str  # data URI, path relative to the page, or ''


@dataclass(frozen=True)
class EpisodesSection:
    """All episodes, how failures divide, and the lines of their traces: inside the page, or as files beside it."""

    told: Sequence[Told]
    endings: Sequence[tuple[str, int, str]]  # reason, count, the sentence of the first such episode
    series: Mapping[str, Any]
    files: Mapping[str, bytes]

    def to_json(self) -> dict[str, Any]:
        """Return what the page's script reads."""
        per_file = SERIES_PER_FILE if self.files else 0
        return {
            "fields": Told._fields,
            "rows": [list(t) for t in self.told],
            "series": self.series,
            "per_file": per_file,
        }


def section(run: Run) -> EpisodesSection:
    """Return the episodes of a run in the order of its queue; failures' videos come first where not all fit into the
    page."""
    hz = float(run.manifest.environment.get("control_hz", 0))
    videos = _videos(run)
    told, series = [], {}
    for spec in run.manifest.episodes:
        row = run.rows.get(spec.id)
        if row is None:
            why = run.doubts.get(spec.id, "no attempt is on record")
            told.append(
                Told(
                    spec.id,
                    label(spec.task.name),
                    spec.task.split,
                    "missing",
                    "missing",
                    why,
                    None,
                    "",
                    "",
                    spec.seed,
                    0,
                    "",
                )
            )
            continue
        scene = _scene(run, row)
        success, signals = _trace(run, row)
        episode = Episode(row, success, signals, scene, hz)
        told.append(_tell(episode, videos.get(row.episode, "")))
        if len(success):
            series[row.episode] = panels(episode)
    return EpisodesSection(told, _endings(told), *_placed(series, [t.id for t in told]))


def outcome(row: EpisodeRow) -> str:
    """Return success, failure or error."""
    return "error" if row.status != "ok" else "success" if row.success else "failure"


def why(episode: Episode) -> tuple[str, str]:
    """Return (group, sentence) of an episode that is no success, in words that are the same for the same cause."""
    row = episode.row
    if row.status != "ok":
        return f"{row.status}: {row.error or 'no message'}", row.error
    return explain(episode)


def _tell(episode: Episode, video: str) -> Told:
    row = episode.row
    reason, sentence = ("", "") if outcome(row) == "success" else why(episode)
    steps = row.first_success_step if outcome(row) == "success" and row.first_success_step else row.steps
    objects = ", ".join(dict.fromkeys(str(o.get("category", "")) for o in episode.scene.get("objects", ())))
    return Told(
        id=row.episode,
        task=label(row.task),
        split=row.split,
        outcome=outcome(row),
        reason=reason,
        sentence=sentence,
        seconds=round(steps / episode.control_hz, 2) if steps and episode.control_hz else None,
        instruction=row.instruction,
        objects=objects.replace("_", " "),
        seed=row.seed,
        attempt=row.attempt,
        video=video,
    )


def _endings(told: Sequence[Told]) -> list[tuple[str, int, str]]:
    counts = Counter(t.reason for t in told if t.outcome != "success")
    first = {t.reason: t.sentence for t in reversed(told) if t.outcome != "success"}
    return [(reason, count, first[reason]) for reason, count in counts.most_common()]


def panels(episode: Episode) -> list[dict[str, Any]]:
    """Return the panels of a trace: title, unit and lines; every line has at most ``POINTS`` whole numbers of
    ``scale``."""
    import numpy as np

    signals = episode.signals
    found = [_panel("Success bit", "", {"success": episode.success.astype(float)}, 1.0)]
    body, wanted = signals.get("body.keypoints"), signals.get("reference.keypoints")
    if body is not None and wanted is not None:
        apart = MM * np.linalg.norm(body - wanted, axis=-1).mean(1)
        found.append(_panel("Error, mean of key points", "mm", {"error": apart}, 1.0))
    thing, goal = signals.get("object"), signals.get("container")
    if thing is not None:
        lines = {"above its start": CM * (thing[:, 2] - thing[0, 2])}
        if goal is not None:
            lines["from the container"] = CM * np.linalg.norm(thing[:, :2] - goal[:, :2], axis=1)
        found.append(_panel("Object", "cm", lines, 0.1))
    states = {n.removeprefix("state."): v for n, v in signals.items() if n.startswith("state.") and v.ndim == 2}
    hands = {n.replace("_", " "): v.mean(1) for n, v in states.items() if "hand" in n}
    if hands:
        found.append(_panel("Grippers, mean of the fingers", "rad", hands, 0.001))
    joints = {
        f"{n.replace('_', ' ')} {i}": v[:, i] for n, v in states.items() if "hand" not in n for i in range(v.shape[1])
    }
    if joints:
        moving = sorted(joints, key=lambda name: -float(np.ptp(joints[name])))[:LINES]
        found.append(_panel("Joints that move most", "rad", {n: joints[n] for n in moving}, 0.001))
    return found


def _panel(title: str, unit: str, lines: Mapping[str, np.ndarray], scale: float) -> dict[str, Any]:
    import numpy as np

    length = len(next(iter(lines.values())))
    at = np.unique(np.linspace(0, length - 1, min(POINTS, length)).round().astype(int))
    whole = {n: [int(x) if np.isfinite(x) else None for x in np.round(v[at] / scale)] for n, v in lines.items()}
    return {"title": title, "unit": unit, "scale": scale, "steps": length, "lines": whole}


def _placed(series: Mapping[str, Any], ids: Sequence[str]) -> tuple[Mapping[str, Any], dict[str, bytes]]:
    """Return the series that go into the page, and the files that hold them otherwise."""
    if len(json.dumps(series)) <= SERIES_IN_PAGE:
        return series, {}
    files = {}
    for start in range(0, len(ids), SERIES_PER_FILE):
        part = {name: series[name] for name in ids[start : start + SERIES_PER_FILE] if name in series}
        text = f"crossbodySeries({json.dumps(part, separators=(',', ':'))});\n"
        files[f"page/series-{start // SERIES_PER_FILE}.js"] = text.encode()
    return {}, files


def _trace(run: Run, row: EpisodeRow) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
    import numpy as np

    if not row.trace_hash:
        return np.zeros(0, bool), {}
    try:
        return RunFolder(run.path).trace(row, run.manifest.protocol)
    except DamagedTrace:
        return np.zeros(0, bool), {}


def _scene(run: Run, row: EpisodeRow) -> Mapping[str, Any]:
    file = RunFolder(run.path).scene_file(row.episode)
    if file.is_symlink() or not file.is_file():
        return {}
    try:
        scene = read_json(file, LARGEST_SCENE)
    except Unreadable:
        return {}
    well = isinstance(scene, dict) and all(isinstance(o, dict) for o in scene.get("objects", ()))
    return scene if well else {}


def _videos(run: Run) -> dict[str, str]:
    """Return what a page plays of each episode: a data URI, or the path of a file beside it. A link is not followed."""
    found, held = {}, 0
    for row in sorted(run.rows.values(), key=lambda row: row.success is True):
        file = RunFolder(run.path).video_file(row.episode, row.attempt)
        if file.parent.is_symlink() or file.is_symlink() or not file.is_file():
            continue
        size = file.stat().st_size
        if size > min(EMBED_EACH, EMBED_ALL - held):
            found[row.episode] = quote(file.relative_to(run.path).as_posix())
            continue
        held += size
        found[row.episode] = "data:video/mp4;base64," + base64.b64encode(read_bytes(file, EMBED_EACH)).decode()
    return found
