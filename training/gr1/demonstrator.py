"""What a collecting worker does: run the scripted expert in one task until enough demonstrations are kept."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.expert import Options
from agents.expert import make as make_expert
from crossbody import catalog
from crossbody.contracts import EpisodeSpec
from crossbody.errors import CrossbodyError
from crossbody.seeds import generator
from envs.chunked import make
from envs.worker import Link
from evaluators.loop.acting import describe
from tasks import gr1
from training.attempts import FORMAT, Attempt, Job, Order, attempts, record, scene_seed
from training.data.demonstration import Demonstration
from training.gr1 import frames
from training.gr1.student import Student

MAX_STEPS = 720
OBSERVE = [c.name for c in gr1.STATE]


def serve(link: Link) -> None:
    """Answer ``("order", Order)`` and ``("job", Job)`` until the collector is gone; each attempt is a note."""
    _, order = link.receive()
    while True:
        _, job = link.receive()
        link.beat("reset")
        try:
            station = Station(link, order, job)
        except Exception as error:  # a task that cannot be opened will not open next time either
            traceback.print_exc()
            link.answer("fatal", describe(error))
            continue
        link.answer(*_carry_out(station, job.task.name))


def _carry_out(station: Station, task: str) -> tuple[str, Any]:
    try:
        station.run()
        return "done", task
    except (CrossbodyError, OSError) as error:  # a full disk, a missing asset: no scene will go better
        return "fatal", describe(error)
    except Exception as error:  # whatever a simulator raises costs the attempt, not the collection
        traceback.print_exc()
        return "failed", describe(error)
    finally:
        station.close()


class Station:
    """One task's environment, its two data sets and its attempts."""

    def __init__(self, link: Link, order: Order, job: Job):
        self._link, self._order, self._job = link, order, job
        self._folder = order.folder / "demonstrations" / job.task.name
        self._past = attempts(self._folder)
        self._env: Any = make(job.task)
        writer = catalog.resolve("formats", FORMAT).going_on
        self._demonstrations = writer(
            self._folder, frames.layout(picture_every=order.picture_every), keep=sum(a.kept for a in self._past)
        )
        seen = sum(a.perception for a in self._past)
        place = order.folder / "perception" / job.task.name
        self._student = Student(self._env, order) if order.student else None
        self._scenes = writer(place, frames.layout(demonstration=False), keep=seen, keyframe_every=1)

    def run(self) -> None:
        while len(self._demonstrations) < self._job.target and len(self._past) < self._job.limit:
            self._link.note("attempt", self.attempt())
        self._demonstrations.close()

    def attempt(self) -> Attempt:
        """Run the expert in the next scene, keep what it did if it was clean, and record the attempt."""
        began = time.monotonic()
        number = len(self._past)
        seed = scene_seed(self._order.seed, self._job.task.name, number)
        noise = float(generator(seed, "noise of a demonstration").uniform(0, self._order.noise_rad))
        self._link.beat("reset")
        observation, info = self._env.reset(seed=seed, options={"observe": OBSERVE})
        spec = EpisodeSpec(self._job.task, number, seed)
        observation, led, solved = self._lead(spec, observation, info["instruction"])
        episode = Episode(self._env, spec, noise, self._order.picture_every)
        reason = "solved by the student" if solved else episode.run(observation, self._after_step)
        grasps = episode.report["attempts"]
        if not reason:
            notes = {"seed": seed, "attempt": number, "grasps": grasps, "noise_rad": noise, "lead_in": led}
            self._demonstrations.add(episode.demonstration(info["instruction"], notes))
        if self._order.perception:
            self._shuffle(info, episode.states(), seed)
        seconds, frames_kept = round(time.monotonic() - began, 3), self._order.perception > 0
        done = Attempt(number, seed, not reason, reason, episode.steps, grasps, noise, frames_kept, seconds, led)
        record(self._folder, done)
        self._past.append(done)
        return done

    def _lead(
        self, spec: EpisodeSpec, observation: Mapping[str, Any], instruction: str
    ) -> tuple[Mapping[str, Any], int, bool]:
        """Let the student act for a random while; return the observation then, its steps,
        and whether it solved the task."""
        if self._student is None:
            return observation, 0, False
        steps = int(generator(spec.seed, "lead-in").integers(self._order.lead_in + 1))
        return self._student.lead(self._env, spec, (observation, instruction), steps)

    def _shuffle(self, info: Mapping[str, Any], states: Mapping[str, np.ndarray], seed: int) -> None:
        from training.gr1.perception import Shuffler  # it imports MuJoCo, which reads then which GL to use

        self._link.beat("reset")
        shuffler = Shuffler(self._env, np.array(info["scene"]["qpos"]), states, generator(seed, "perception"))
        self._scenes.add(shuffler.record(self._order.perception, info["instruction"]))

    def _after_step(self, steps: int) -> None:
        self._link.beat("step", steps)

    def close(self) -> None:
        self._env.close()


class Episode:
    """The expert's way through one scene, and what was seen and done at each control step."""

    def __init__(self, env: Any, spec: EpisodeSpec, noise_rad: float, picture_every: int):
        self._env, self._spec, self._picture_every = env, spec, picture_every
        self._expert = make_expert(Options(action_noise_rad=noise_rad))
        self._expert.attach(env)
        self._expert.reset([spec])
        self._reader = frames.Reader(env.simulator)
        self._values: dict[str, list[np.ndarray]] = {}
        self._pictures: list[np.ndarray] = []
        self._success = False
        self.steps = 0

    @property
    def report(self) -> Mapping[str, Any]:
        return self._expert.report(self._spec.id)

    def run(self, observation: Mapping[str, Any], on_step: Any) -> str:
        """Act until the script ends; return '' when the demonstration is clean, else why it is not."""
        while self.steps < MAX_STEPS:
            chunk = self._expert.act({self._spec.id: observation})[self._spec.id]
            if self.report["finished"]:
                break
            self._note(observation, self._expert.intended(self._spec.id))
            result = self._env.step_chunk(chunk)
            observation, self._success = result.observation, result.success[-1]
            self.steps += 1
            on_step(self.steps)
        self._last = self._reader.end_effectors()
        return self._fault()

    def demonstration(self, instruction: str, notes: Mapping[str, Any]) -> Demonstration:
        """Return the episode as it is stored; end-effector actions are the next frame's end effectors."""
        values = {name: np.stack(rows) for name, rows in self._values.items()}
        for name in frames.END_EFFECTORS:
            values[f"action.{name}"] = np.concatenate([values[f"state.{name}"][1:], self._last[name][None]])
        return Demonstration(values, {gr1.EGO.name: self._pictures}, instruction, notes)

    def states(self) -> dict[str, np.ndarray]:
        """Return ``state.<part>`` (steps, width) of the joints; of an episode that never began, those of now."""
        now = {f"state.{part}": q[None] for part, q in self._env.simulator.joint_positions().items()}
        return {name: np.stack(self._values[name]) if self.steps else q for name, q in now.items()}

    def _note(self, observation: Mapping[str, Any], intended: Mapping[str, np.ndarray]) -> None:
        seen = {c.name: observation[c.name] for c in gr1.STATE} | dict(intended)
        seen |= {f"state.{name}": value for name, value in self._reader.end_effectors().items()}
        seen |= {f"privileged.{name}": value for name, value in self._reader.targets().items()}
        for name, value in seen.items():
            self._values.setdefault(name, []).append(np.asarray(value))
        fresh = self.steps % self._picture_every == 0
        self._pictures.append(self._env.picture() if fresh else self._pictures[-1])

    def _fault(self) -> str:
        report = self.report
        if not report["finished"]:
            return f"not finished after {MAX_STEPS} steps, at stage '{report['stage']}'"
        if not self._success:
            return f"no success at its end, after {report['attempts']} grasps"
        if not (report["lifted"] and report["held_over_container"]):
            return "success without carrying the object"
        return ""
