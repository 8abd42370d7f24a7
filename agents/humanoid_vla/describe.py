"""The ``describe`` command: what the language model says of a motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from crossbody.errors import CrossbodyError, UnknownName
from tasks.motion.parts import FPS, PARTS, TRACKS

if TYPE_CHECKING:
    import numpy as np

    from agents.humanoid_vla.speech import Speech

ASKS = ("caption", "time", *(f"track:{name}" for name in TRACKS), "state:first", "state:last")
SUB_TASKS = {"caption": "c", "time": "mt.seconds", "track": "mk", "state": "ms"}


@dataclass(frozen=True)
class Arguments:
    """Ask about a motion: its caption, how long it is, a joint's track, or the state it begins or ends in."""

    motion: Path
    """A motion file, of any rate and size of body."""
    ask: str = "caption"
    """caption, time, track:root, track:left_hand, track:right_hand, state:first or state:last."""
    weights: Path | None = None
    """The language model; by default what ships."""
    tokens: Path | None = None
    """Motion tokens; by default what ships."""
    seed: int = 0
    """Of the draws, at a temperature above 0."""
    temperature: float = 0.0
    """0 says what is likeliest."""
    out: Path | None = None
    """Of a state: also write it as a motion of one step."""


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    from crossbody.options import check_options

    check_options(argv, Arguments)
    given = tyro.cli(Arguments, args=list(argv), prog="crossbody describe", description=Arguments.__doc__)
    if given.ask not in ASKS:
        raise UnknownName("question", given.ask, ASKS)
    if given.out and not given.ask.startswith("state"):
        raise CrossbodyError(f"--out is for states; --ask {given.ask} is answered in words and codes.")
    for line in _answer(given):
        print(line)
    return 0


def _answer(given: Arguments) -> list[str]:
    from agents.humanoid_vla import sampling
    from agents.humanoid_vla.prompts import Given
    from agents.humanoid_vla.speech import open_speech
    from agents.humanoid_vla.templates import sub_task
    from tasks.motion.reading import read_one

    speech = open_speech(given.weights, given.tokens)
    motion = read_one(given.motion)
    steps, factor = speech.steps_of(motion.keypoints, motion.fps)
    if len(steps) > speech.model.sizes.longest:
        seconds = speech.writer.frames_per_code / FPS
        raise CrossbodyError(
            f"{given.motion} lasts {len(steps) * seconds:g} s; at most "
            f"{speech.model.sizes.longest * seconds:g} s are read. Cut it."
        )
    kind, _, what = given.ask.partition(":")
    task = sub_task(".".join(filter(None, (SUB_TASKS[kind], what))))
    prompt = speech.writer.prompt(task, task.wordings[0], Given({}, {"motion": speech.writer.given_motion(steps)}))
    notes = [f"a body of another size was brought to the robot's by {factor:.2f}"] if abs(factor - 1) > 0.02 else []
    if kind == "track":
        (codes,) = sampling.tracks(speech.model, [prompt], what, given.seed, given.temperature)
        return [*notes, f"{what}: {TRACKS[what][0]} codes {' '.join(map(str, codes))}"]
    if kind == "state":
        (state,) = sampling.states(speech.model, [prompt], given.seed, given.temperature)
        return [*notes, *_state(given, speech, what, state)]
    (said,) = sampling.sentences(speech.model, [prompt], given.seed, given.temperature)
    return [*notes, said]


def _state(given: Arguments, speech: Speech, which: str, state: np.ndarray) -> list[str]:
    from tasks.motion.arrays import from_positions
    from tasks.motion.store import save

    told = f"{which} state: " + ", ".join(f"{part} {code}" for part, code in zip(PARTS, state, strict=True))
    if given.out is None:
        return [told]
    save(from_positions(given.out.stem, speech.tokens.points_of(state[None]), FPS), given.out)
    return [told, str(given.out)]
