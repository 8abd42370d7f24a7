"""The seam: what environments offer, agents want and records hold. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from crossbody.errors import ContractMismatch

if TYPE_CHECKING:
    import numpy as np

Observation = Mapping[str, Any]
"""Channel name -> array (or str for ``annotation.*``) of one environment at one time."""

Chunk = Mapping[str, "np.ndarray"]
"""Action channel name -> float array (steps, width)."""

SUCCESS_RULES = ("any_step", "chunk_end", "final")
SuccessRule = Literal["any_step", "chunk_end", "final"]
Status = Literal["ok", "error", "timeout", "crashed"]
ClipKind = Literal["video", "motion"]
ANY = -1
"""In a channel's shape: any size."""


def digest(value: Any) -> str:
    """First 16 hex digits of the SHA-256 of ``value`` written as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def scene_hash(scene: Mapping[str, Any]) -> str:
    """Return the digest by which episodes are paired: of what a scene manifest says, its ``state`` left out.

    ``state`` is what a restored scene needs besides (velocities, the solver's start); it follows from the rest.
    """
    return digest({k: v for k, v in scene.items() if k != "state"})


@dataclass(frozen=True)
class Channel:
    """One named array that crosses the seam, and the conventions it keeps."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str  # rad, m, px, text, ...
    convention: str  # absolute_position, rgb_uint8_hwc, quat_wxyz, ...


@dataclass(frozen=True)
class Contract:
    """The observation and action channels of one side of the seam."""

    observation: tuple[Channel, ...] = ()
    action: tuple[Channel, ...] = ()


def check_contract(offers: Contract, agent_reads: Sequence[Channel], agent_gives: Sequence[Channel]) -> None:
    """Raise ContractMismatch with every difference between an environment's offer and an agent.

    Every channel that the agent reads must be offered as is; the agent must give every action channel and no other.
    """
    wrong = _differences({c.name: c for c in offers.observation}, agent_reads, "reads")
    actions = {c.name: c for c in offers.action}
    wrong += _differences(actions, agent_gives, "gives")
    given = {c.name for c in agent_gives}
    wrong += [
        f"the environment needs action channel {name}, which the agent does not give"
        for name in actions
        if name not in given
    ]
    if wrong:
        raise ContractMismatch("agent and environment do not fit:\n  " + "\n  ".join(wrong))


def _differences(offered: Mapping[str, Channel], asked: Sequence[Channel], verb: str) -> list[str]:
    wrong = []
    for channel in asked:
        other = offered.get(channel.name)
        if other is None:
            wrong.append(
                f"the agent {verb} {channel.name}, which the environment does not have (it has: {', '.join(offered)})"
            )
            continue
        for f in dataclasses.fields(Channel):
            ours, theirs = getattr(channel, f.name), getattr(other, f.name)
            if ours != theirs:
                wrong.append(f"{channel.name}: the agent {verb} {f.name} {ours}, the environment has {theirs}")
    return wrong


@dataclass(frozen=True)
class TaskSpec:
    """One task of a suite, as data."""

    name: str  # unique in the catalog, e.g. PnPCupToDrawerClose
    env: str  # Gymnasium id
    family: str  # e.g. pick_and_place, articulated
    split: str  # e.g. in_domain, unseen_appearance
    options: Mapping[str, Any] = field(default_factory=dict)  # keyword arguments of the environment
    pair: str | None = None  # the in-domain task that this one is matched with, if any


@dataclass(frozen=True)
class SuiteSpec:
    """An ordered list of tasks that is scored together."""

    name: str
    title: str
    tasks: tuple[TaskSpec, ...]
    source: str  # where the list comes from


@dataclass(frozen=True)
class EpisodeSpec:
    """One episode of the queue: everything that fixes its scene and its randomness."""

    task: TaskSpec
    index: int  # 0-based within the task
    seed: int  # from the run's seed, the task's name and the index

    @property
    def id(self) -> str:
        """``<task>/<index>``: the name of this episode in every record."""
        return f"{self.task.name}/{self.index:04d}"


@dataclass(frozen=True)
class RunProtocol:
    """How episodes are run and judged. Rows of different hashes never share a column.

    The fields are the choices by which published numbers on one benchmark differ.
    """

    name: str
    episodes_per_task: int
    max_steps: int  # control steps
    chunk: int  # control steps executed per inference; also how often ``chunk_end`` looks
    success_rule: SuccessRule
    early_stop: bool  # end an episode at its first success under the rule; never changes any_step or chunk_end
    note: str = ""  # not hashed

    def hash(self, environment: Mapping[str, Any]) -> str:
        """Digest of the protocol and of what the environment adds (render preset, asset pack, patches, versions).

        The name, the note and the number of episodes do not enter: n stands beside every number instead.
        """
        fields = {k: v for k, v in dataclasses.asdict(self).items() if k not in ("name", "note", "episodes_per_task")}
        return digest({"protocol": fields, "environment": dict(environment)})


@dataclass(frozen=True)
class EpisodeRow:
    """One attempt at one episode: a line of ``episodes.jsonl``.

    ``success`` is None unless the status is ``ok``; only the last attempt of an episode counts.
    """

    episode: str  # EpisodeSpec.id
    task: str
    split: str
    family: str
    index: int
    seed: int
    attempt: int  # 1-based
    status: Status
    success: bool | None
    first_success_step: int | None  # control steps, under any_step
    steps: int  # control steps executed
    instruction: str
    scene_hash: str  # digest of the scene manifest, '' when the scene was never built
    trace_hash: str  # digest of the trace's arrays, '' when there is none
    error: str  # '' or one line: type and message
    worker: int
    elapsed_s: float

    def comparable(self) -> dict[str, Any]:
        """The row without what may differ between two runs of the same episodes: the worker and the time."""
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in ("worker", "elapsed_s")}


@dataclass(frozen=True)
class MetricRow:
    """One value of one metric for one episode. Unknown is NaN with a reason."""

    episode: str
    metric: str  # name with its unit
    value: float
    reason: str  # '' or why the value is NaN
    version: int
    weight: float = 1.0  # how much it counts in a mean over all frames of all episodes


@runtime_checkable
class Agent(Protocol):
    """What acts. Options are a frozen dataclass ``Options`` in the agent's module; the factory takes one."""

    reads: tuple[Channel, ...]
    gives: tuple[Channel, ...]
    in_worker: bool  # True: lives in a worker, is attached to its simulator and acts one control step at a time

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        """Begin these episodes; others that are under way go on."""
        ...

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        """Return a chunk for each episode id of ``observations`` (channel -> (steps, width))."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Adapts(Protocol):
    """An agent that takes its channels from the environment (one that holds still),
    or its chunk length from the protocol."""

    def bind(self, contract: Contract, chunk: int) -> None:
        """Take what the environment offers and how many control steps the protocol executes per answer.

        Called once, before ``reads`` and ``gives`` are compared with the contract, so they may be set here.
        """
        ...


@runtime_checkable
class ChunkedEnv(Protocol):
    """An environment that executes a whole chunk and observes only at its end.
    ``envs.chunked.Chunked`` makes one of any Gymnasium env."""

    def contract(self) -> Contract:
        """Return the channels that it takes and offers."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return what it adds to the protocol's hash: versions, asset pack, render preset, patches."""
        ...

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Build the scene. ``info`` has ``instruction`` (str) and ``scene`` (a JSON-able manifest).

        ``options``: ``scene`` replays a manifest; ``observe`` lists the only channels to produce in this episode;
        ``episode``,
        ``index`` and ``attempt`` say which one this is.
        """
        ...

    def step_chunk(self, chunk: Chunk, on_step: Any = None) -> ChunkResult:
        """Execute (steps, width) actions. ``on_step(k, success)`` is called after each control step;
        True from it ends the chunk there."""
        ...

    def render(self) -> np.ndarray:
        """Return the picture for a video, uint8 (height, width, 3)."""
        ...

    def close(self) -> None: ...


@dataclass
class ChunkResult:
    """What a chunk did: ``steps`` executed, the success bit of each, signals (steps, …),
    and the observation after the last."""

    observation: Observation
    success: list[bool]
    signals: dict[str, np.ndarray]
    over: bool = False  # the environment itself ended the episode

    @property
    def steps(self) -> int:
        return len(self.success)


@dataclass(frozen=True)
class Clip:
    """What a generator gives: frames of a video, uint8 RGB (t, h, w, 3), or key points of a motion, metres (t, 15,
    3)."""

    values: np.ndarray
    fps: float
    notes: Mapping[str, Any] = field(default_factory=dict)  # JSON-able facts, such as why it ended


@runtime_checkable
class Conditions(Protocol):
    """What clips are made from: one condition per clip, by name, with the true clip where there is one."""

    kind: ClipKind
    names: tuple[str, ...]
    offers: tuple[Channel, ...]

    def digest(self) -> str:
        """Return what identifies all conditions together: other data, another digest."""
        ...

    def load(self, name: str, channels: Sequence[str]) -> dict[str, Any]:
        """Return these channels of one condition; what is broken raises CrossbodyError."""
        ...


@runtime_checkable
class Generator(Protocol):
    """What makes clips. It sees the channels that it declares and nothing else, so the truth cannot leak into it."""

    kind: ClipKind
    needs: tuple[Channel, ...]  # a condition must offer them
    uses: tuple[Channel, ...]  # taken where they are offered
    card: Mapping[str, Any]  # what identifies its weights; empty without weights

    def generate(self, conditions: Mapping[str, Any], seed: int) -> Clip:
        """Return a clip. It depends on the conditions and the seed only."""
        ...

    def close(self) -> None: ...


def channels_for(offers: Sequence[Channel], generator: Generator) -> tuple[str, ...]:
    """Return the names that a generator gets of what conditions offer. ContractMismatch lists every difference."""
    offered = {c.name: c for c in offers}
    wanted = [*generator.needs, *(c for c in generator.uses if c.name in offered)]
    wrong = []
    for channel in wanted:
        other = offered.get(channel.name)
        if other is None:
            wrong.append(
                f"the generator needs {channel.name}, which these conditions lack (they have: {', '.join(offered)})"
            )
        else:
            wrong += _unlike(channel, other)
    if wrong:
        raise ContractMismatch("generator and conditions do not fit:\n  " + "\n  ".join(wrong))
    return tuple(c.name for c in wanted)


def _unlike(asked: Channel, offered: Channel) -> list[str]:
    found = [
        f"{asked.name}: the generator needs {f} {getattr(asked, f)}, the conditions have {getattr(offered, f)}"
        for f in ("dtype", "unit", "convention")
        if getattr(asked, f) != getattr(offered, f)
    ]
    sizes = list(zip(asked.shape, offered.shape, strict=False))
    if len(asked.shape) != len(offered.shape) or any(a != b and ANY not in (a, b) for a, b in sizes):
        found.append(f"{asked.name}: the generator needs shape {asked.shape}, the conditions have {offered.shape}")
    return found
