"""One clip from its condition, in a process that keeps the generator and the conditions open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbody import catalog
from crossbody.contracts import Clip, ClipKind, Conditions, Generator, channels_for
from crossbody.errors import CrossbodyError
from crossbody.seeds import episode_seed
from evaluators.generation.asked import FPS, TEXT, TRUTH, Asked
from evaluators.generation.folder import GenerationFolder, check_clip, printable


@dataclass(frozen=True)
class Job:
    """Everything that a worker needs to make any clip of a run."""

    generator: str
    options: Any
    kind: ClipKind
    asked: Asked
    out: Path


def open_conditions(asked: Asked) -> Conditions:
    """Return the conditions that the one source which knows them makes; none or several raise CrossbodyError."""
    found = {}
    for name, entry in catalog.entries("conditions").items():
        if (conditions := catalog.load(entry.target)(asked)) is not None:
            found[name] = conditions
    what = f"--data {asked.data}" if asked.data else "what is typed"
    if not found:
        raise CrossbodyError(
            f"{what}: no source of conditions knows it ({', '.join(catalog.entries('conditions'))}). Give "
            "--data with a folder of videos, of motions or of demonstrations, or --text."
        )
    if len(found) > 1:
        raise CrossbodyError(
            f"{what} holds several kinds of conditions: {', '.join(found)}. Say --kind video or motion."
        )
    return next(iter(found.values()))


def open_generator(job: Job) -> Generator:
    """Return the generator of a job; one that makes another kind of clip raises CrossbodyError."""
    generator = catalog.resolve("generators", job.generator)(job.options, job.kind)
    if generator.kind != job.kind:
        raise CrossbodyError(
            f"generator '{job.generator}' makes {generator.kind}s; these conditions are of {job.kind}s"
        )
    return generator


class Maker:
    """Makes clips of one job, one after another."""

    def __init__(self, job: Job):
        self.job = job
        self.conditions = open_conditions(job.asked)
        self.generator = open_generator(job)
        self.channels = channels_for(self.conditions.offers, self.generator)
        self.folder = GenerationFolder(job.out, job.kind)
        self._offered = {c.name for c in self.conditions.offers}

    def make(self, name: str) -> dict[str, Any]:
        """Make a clip, write its files and its row, and return the row. What goes wrong is a row with a status."""
        seed = episode_seed(self.job.asked.seed, name, 0)
        row: dict[str, Any] = {"clip": name, "seed": seed, "channels": list(self.channels), "error": ""}
        try:
            row |= self._made(name, seed)
        except CrossbodyError as error:
            row |= {"status": "error", "error": printable(str(error))}
        except Exception as error:  # a generator is anybody's code: its failure is this clip's row
            row |= {"status": "error", "error": printable(f"{type(error).__name__}: {error}")}
        self.folder.write_row(name, row)
        return row

    def _made(self, name: str, seed: int) -> dict[str, Any]:
        clip = self.generator.generate(self.conditions.load(name, self.channels), seed)
        check_clip(clip, self.job.kind, self.job.asked.given if "given" in " ".join(self.channels) else 0)
        text = self._text(name)
        truth = self._truth(name)
        if truth is not None:
            self.folder.write_clip("ref", name, truth, text)
        sha = self.folder.write_clip("pred", name, clip, text)
        facts = {"frames": len(clip.values), "fps": clip.fps, "notes": dict(clip.notes), "text": text}
        return {"status": "ok", "file_sha256": sha, **facts}

    def _text(self, name: str) -> str:
        return str(self.conditions.load(name, (TEXT.name,))[TEXT.name]) if TEXT.name in self._offered else ""

    def _truth(self, name: str) -> Clip | None:
        channel = TRUTH[self.job.kind].name
        if channel not in self._offered:
            return None
        loaded = self.conditions.load(name, (channel, FPS.name))
        return Clip(loaded[channel], float(loaded[FPS.name]))


_MAKER: list[Maker] = []


def begin(job: Job) -> None:
    """Open generator and conditions in this worker process."""
    _MAKER[:] = [Maker(job)]


def make(name: str) -> dict[str, Any]:
    """Make one clip in a worker process."""
    return _MAKER[0].make(name)
