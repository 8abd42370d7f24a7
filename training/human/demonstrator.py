"""What a collecting worker of the human body does: play scripts on new scenes and write those that a person could have
done."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crossbody import gl
from crossbody.errors import CrossbodyError
from crossbody.seeds import generator
from envs.worker import Link
from tasks.human import ERRANDS, Errand
from training.attempts import Attempt, Job, Order, attempts, record, scene_seed
from training.data.formats import egodex
from training.human.words import instruction

TRIES = 5  # ways to do an errand before the scene is given up
TOO_FAR = "an arm would have to bend or stretch too far on its way"
REHEARSED = 4  # of so many frames one is looked at before all are
MARGIN_PX = 6
SEEN = 0.9  # of the frames must show the carried thing, the first and the last among them


def serve(link: Link) -> None:
    """Answer ``("order", Order)`` and ``("job", Job)`` until the collector is gone; each attempt is a note."""
    gl.prepare()
    _, order = link.receive()
    studio = None
    while True:
        _, job = link.receive()
        link.beat("reset")
        try:
            studio = studio or Studio()
            _carry_out(link, order, job, studio)
            link.answer("done", job.task.name)
        except (CrossbodyError, OSError) as error:  # a full disk, no GL: no scene will go better
            link.answer("fatal", f"{type(error).__name__}: {error}")
        except Exception as error:  # whatever a scene raises costs the attempt, not the collection
            traceback.print_exc()
            link.answer("failed", f"{type(error).__name__}: {error}")


def _carry_out(link: Link, order: Order, job: Job, studio: Studio) -> None:
    errand = next(e for e in ERRANDS if e.name == job.task.name)
    folder = order.folder / "demonstrations" / job.task.name
    past = attempts(folder)
    while sum(a.kept for a in past) < job.target and len(past) < job.limit:
        began, number = time.monotonic(), len(past)
        seed = scene_seed(order.seed, job.task.name, number)
        link.beat("reset")
        take = studio.play(errand, seed)
        if not take.reason:
            folder.mkdir(parents=True, exist_ok=True)
            pictures = studio.pictures(take, order.picture_every, link)
            write(folder / f"{sum(a.kept for a in past)}.hdf5", take, pictures, order.picture_every)
        seconds = round(time.monotonic() - began, 3)
        done = Attempt(number, seed, not take.reason, take.reason, take.frames, take.tries, 0.0, False, seconds)
        record(folder, done)
        past.append(done)
        link.note("attempt", done)


@dataclass
class Take:
    """What came of a scene: why it is not kept, or everything that is written but the pictures."""

    reason: str
    seed: int
    tries: int = 0
    script: Any = None
    labels: Any = None
    said: str = ""

    @property
    def frames(self) -> int:
        return self.script.frames if self.script else 0


class Studio:
    """Plays one scene after another and takes pictures of them in one GL context."""

    def __init__(self):
        from envs.human.stage import RENDER_PRESET
        from envs.robocasa.rendering import Renderer

        self._renderer = Renderer(RENDER_PRESET)

    def play(self, errand: Errand, seed: int) -> Take:
        """Return what a person does in the scene of a seed, and what is recorded of it."""
        from envs.human.scene import FOVY_DEG, NoRoom, draw
        from envs.human.stage import Stage
        from training.human.labels import Labels
        from training.human.script import HZ, Refused, Script

        try:
            stage = Stage(draw(errand, generator(seed, "scene of a person")))
        except NoRoom as refusal:
            return Take(str(refusal), seed)
        random = generator(seed, "movement of a person")
        take = Take("", seed)
        for take.tries in range(1, TRIES + 1):
            try:
                take.script = Script(stage, random)
            except Refused as refusal:
                take.reason = str(refusal)
                continue
            take.labels = Labels(stage, FOVY_DEG, generator(seed, "session of a person"))
            take.reason = _perform(take, HZ)
            if not take.reason:
                break
        take.said = instruction(stage.scene, generator(seed, "words of a person"))
        return take

    def pictures(self, take: Take, every: int, link: Link | None = None) -> list[np.ndarray]:
        """Return the pictures of a take, a new one each ``every`` frames and that one again in between."""
        from training.human.script import HZ

        seen: list[np.ndarray] = []
        for frame in range(take.frames):
            if frame % every == 0:
                take.script.stage.show(take.script.posture(frame / HZ))
                fresh = take.script.stage.picture(self._renderer)
                if link:
                    link.beat("step", frame)
            seen.append(fresh)
        return seen


def write(file: Path, take: Take, pictures: list[np.ndarray], picture_every: int) -> None:
    """Write a take as an EgoDex pair of files."""
    labels, scene = take.labels, take.script.scene
    said = {
        "llm_type": "neutral",
        "llm_description": take.said,
        "task": scene.errand.name,
        "environment": "simulated table",
        "hand": take.script.side,
        "seed": take.seed,
        egodex.PICTURE_EVERY: picture_every,
    }
    recording = egodex.Recording(
        {n: np.stack(v) for n, v in labels.transforms.items()},
        labels.intrinsic,
        said,
        pictures,
        {n: np.array(v) for n, v in labels.confidences.items()},
        {n: np.stack(v) for n, v in labels.privileged.items()},
    )
    egodex.write(file, recording)


def _perform(take: Take, hz: int) -> str:
    """Go through a script frame by frame, record what is labelled, and return why the take is not kept, or ''."""
    from training.human.labels import visible

    script, stage, spots = take.script, take.script.stage, []
    if not all(script.possible(frame / hz) for frame in range(0, script.frames, REHEARSED)):
        return TOO_FAR
    for frame in range(script.frames):
        posture = script.posture(frame / hz)
        stage.show(posture)
        if not stage.arms[script.side].possible:
            return TOO_FAR
        spots.append(take.labels.add(posture, script.container(frame / hz)))
    seen = visible(np.array(spots), MARGIN_PX)
    if not (seen[0] and seen[-1] and seen.mean() >= SEEN):
        return "the thing is out of view"
    place = posture.carried[0]
    inside = script.scene.target.inside(place, 0.0) if script.scene.target else posture.opened_m == 0
    return "" if inside else "the thing does not end in the container"
