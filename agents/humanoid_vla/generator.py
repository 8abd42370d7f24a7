"""The language model as a generator: typed conditions become the prompt of one of the 59 sub-tasks,
and codes a motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.humanoid_vla import GeneratorOptions
from agents.humanoid_vla.prompts import Given
from agents.humanoid_vla.sampling import Wish, motions
from agents.humanoid_vla.speech import Speech, open_speech
from agents.humanoid_vla.templates import for_inputs
from agents.nets.motion_conditions import (
    FPS,
    FRAMES,
    OCCLUDED,
    OCCLUDED_PART,
    RATE,
    RATES,
    STATE,
    TEXT,
    TIME,
    TRACK,
    asked_frames,
)
from agents.nets.texts import checked
from crossbody.contracts import Channel, Clip, ClipKind
from crossbody.errors import CrossbodyError, UnknownName
from tasks.motion.parts import PARTS


@dataclass
class Asked:
    """What conditions ask for, in the model's words."""

    words: dict[str, str] = field(default_factory=dict)
    codes: dict[str, list[int]] = field(default_factory=dict)
    part: str = ""
    steps: int | None = None
    kept: dict[tuple[int, int], int] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def inputs(self) -> frozenset[str]:
        """Return what is given, as sub-tasks name it."""
        return frozenset(self.words) | frozenset(self.codes)


class Talker:
    """One motion for each condition. Which sub-task it is asked as, and what was forced, stand in the clip's notes."""

    kind: ClipKind = "motion"
    needs: tuple[Channel, ...] = ()
    uses = (TEXT, TIME, STATE, TRACK, OCCLUDED, OCCLUDED_PART, FRAMES, RATE, *RATES)

    def __init__(self, options: GeneratorOptions):
        self.options = options
        self.speech: Speech = open_speech(options.weights, options.tokens)
        self.card: Mapping[str, Any] = self.speech.card

    def generate(self, conditions: Mapping[str, Any], seed: int) -> Clip:
        """Return a motion from the origin, facing x, at 20 frames a second."""
        asked = self.asked(conditions)
        task = for_inputs(asked.inputs(), **self._axes(asked))
        prompt = self.speech.writer.prompt(task, task.wordings[0], Given(asked.words, asked.codes))
        (steps,) = motions(self.speech.model, [Wish(prompt, asked.steps, asked.kept)], seed, self.options.temperature)
        told = {"sub_task": task.name, "steps": len(steps), "forced_length": asked.steps is not None}
        return Clip(self.speech.tokens.points_of(steps), FPS, told | asked.notes)

    def asked(self, conditions: Mapping[str, Any]) -> Asked:
        """Return what conditions ask for; CrossbodyError for a text or a length that cannot be."""
        asked = Asked()
        if TEXT.name in conditions:
            asked.words["caption"] = checked(str(conditions[TEXT.name]))
            if unknown := self.speech.unknown(asked.words["caption"]):
                asked.notes["best_effort"] = f"never trained on: {', '.join(unknown[:20])}"
        if STATE.name in conditions:
            self._state(asked, *_points(conditions, STATE))
        if TRACK.name in conditions:
            self._track(asked, *_points(conditions, TRACK))
        if OCCLUDED.name in conditions:
            self._occluded(asked, str(conditions[OCCLUDED_PART.name]), *_points(conditions, OCCLUDED))
        self._length(asked, conditions)
        if not asked.inputs():
            raise CrossbodyError("nothing was asked for; say --text, --time, --state, --track or --occlusion.")
        return asked

    def close(self) -> None:
        """Nothing is held."""

    def _axes(self, asked: Asked) -> dict[str, str]:
        return {
            "part": asked.part,
            "track": self.options.track if "track" in asked.codes else "",
            "unit": "frames" if "time" in asked.words else "",
        }

    def _state(self, asked: Asked, points: Any, fps: float) -> None:
        steps, factor = self.speech.steps_of(points, fps)
        _note_size(asked, factor)
        which = self.options.state
        asked.codes[which] = self.speech.writer.given_state(steps[0 if which == "first" else -1])

    def _track(self, asked: Asked, points: Any, fps: float) -> None:
        codes, factor = self.speech.track_of(points, fps, self.options.track)
        _note_size(asked, factor)
        self._refuse_longer(len(codes))
        asked.codes["track"] = self.speech.writer.given_track(self.options.track, codes)

    def _occluded(self, asked: Asked, part: str, points: Any, fps: float) -> None:
        if part not in PARTS:
            raise UnknownName("body part", part, PARTS)
        steps, factor = self.speech.steps_of(points, fps)
        _note_size(asked, factor)
        self._refuse_longer(len(steps))
        asked.part = part
        asked.codes["occlusion"] = self.speech.writer.given_occlusion(steps, part)
        if self.options.keep:
            asked.steps = len(steps)
            kept = [i for i, name in enumerate(PARTS) if name != part]
            asked.kept = {(n, i): int(steps[n, i]) for n in range(len(steps)) for i in kept}
            asked.notes["kept"] = "the given codes are copied"

    def _length(self, asked: Asked, conditions: Mapping[str, Any]) -> None:
        whole, longest = self.speech.writer.frames_per_code, self.speech.model.sizes.longest
        frames = asked_frames(conditions, self.options.length, longest * whole, whole)
        if frames is None:
            return
        if TIME.name in conditions:
            asked.words["time"] = self.speech.writer.length(frames, "frames")
        if self.options.forced or TIME.name not in conditions:
            asked.steps = max(1, round(frames / whole))

    def _refuse_longer(self, steps: int) -> None:
        longest = self.speech.model.sizes.longest
        if steps > longest:
            seconds = self.speech.writer.frames_per_code / FPS
            raise CrossbodyError(
                f"the motion lasts {steps * seconds:g} s; at most {longest * seconds:g} s are read. Cut it."
            )


def _points(conditions: Mapping[str, Any], channel: Channel) -> tuple[Any, float]:
    return conditions[channel.name], float(conditions[f"{channel.name}_fps"])


def _note_size(asked: Asked, factor: float) -> None:
    if abs(factor - 1) > 0.02:
        asked.notes["scaled"] = f"a body of another size was brought to the robot's by {factor:.2f}"
