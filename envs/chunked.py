"""Any Gymnasium environment as one that executes whole action chunks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from crossbody.contracts import Channel, Chunk, ChunkedEnv, ChunkResult, Contract, Observation, TaskSpec
from crossbody.errors import CrossbodyError, InvalidAction
from envs import registration


def make(task: TaskSpec) -> ChunkedEnv:
    """Return the environment of a task, without Gymnasium's wrappers;
    options that it does not know raise CrossbodyError."""
    registration.register()
    try:
        env = gymnasium.make(task.env, disable_env_checker=True, **task.options)
    except gymnasium.error.Error as error:
        raise CrossbodyError(f"task {task.name}: the environment {task.env} cannot be made: {error}") from error
    except TypeError as error:
        option = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if option is None:
            raise
        raise CrossbodyError(f"the environment {task.env} of task {task.name} takes no option '{option[1]}'") from error
    inner = env.unwrapped
    return inner if isinstance(inner, ChunkedEnv) else Chunked(env)


def control_hz(env: ChunkedEnv) -> float:
    """Return the control rate that an environment's metadata declare as ``render_fps``; 0 when they declare none."""
    gym_env: Any = env.env if isinstance(env, Chunked) else env
    return float(gym_env.metadata.get("render_fps") or 0)


class Chunked:
    """Executes chunks step by step. Spaces must be ``Dict``; ``info['success']`` is the success bit of every step.

    Channels have the names, shapes and dtypes of the spaces; units and conventions are '', because Gymnasium's spaces
    have none."""

    def __init__(self, env: gymnasium.Env):
        for side, space in (("observation", env.observation_space), ("action", env.action_space)):
            if not isinstance(space, gymnasium.spaces.Dict):
                raise CrossbodyError(
                    f"{env} has a {type(space).__name__} {side} space; channels have names here, so it must be a Dict. "
                    "Wrap it with gymnasium.wrappers.TransformObservation or TransformAction."
                )
        self.env = env

    def contract(self) -> Contract:
        return Contract(_channels(self.env.observation_space), _channels(self.env.action_space))

    def fingerprint(self) -> dict[str, Any]:
        spec = self.env.spec
        return {"env": spec.id if spec else str(self.env), "gymnasium": gymnasium.__version__}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {"instruction": "", "scene": {"seed": seed}, **info}

    def step_chunk(self, chunk: Chunk, on_step: Any = None) -> ChunkResult:
        return execute(self.env, chunk, on_step)

    def render(self) -> np.ndarray:
        picture = self.env.render()
        if not isinstance(picture, np.ndarray):
            raise CrossbodyError(f"{self.env} renders {type(picture).__name__}; make it with render_mode='rgb_array'")
        return picture

    def close(self) -> None:
        self.env.close()


def execute(env: gymnasium.Env, chunk: Chunk, on_step: Any = None) -> ChunkResult:
    """Execute a chunk (steps, width) with ``env.step`` and return what it did.
    Signals are the ``state.*`` observations."""
    bits: list[bool] = []
    states: list[Mapping[str, Any]] = []
    observation: Any = {}
    over = False
    for k in range(chunk_length(chunk)):
        observation, _, terminated, truncated, info = env.step({name: a[k] for name, a in chunk.items()})
        if "success" not in info:
            raise CrossbodyError(f"{env} reports no info['success'], so its episodes cannot be judged")
        bits.append(bool(info["success"]))
        states.append({n: np.array(v) for n, v in observation.items() if n.startswith("state.")})
        stop = on_step is not None and on_step(k, bits[-1])
        over = terminated or truncated
        if stop or over:
            break
    signals = {name: np.stack([s[name] for s in states]) for name in states[0]} if states else {}
    return ChunkResult(observation, bits, signals, over)


def check_chunk(chunk: Any, action: tuple[Channel, ...], steps: int) -> dict[str, np.ndarray]:
    """Return the first ``steps`` actions as arrays (steps, width),
    or raise InvalidAction naming the channel and the fault."""
    if not isinstance(chunk, Mapping):
        raise InvalidAction(f"the agent gave a {type(chunk).__name__}; a chunk maps channel names to arrays")
    names = {c.name for c in action}
    if missing := sorted(names - set(chunk)):
        raise InvalidAction(f"the agent gave no {', '.join(missing)}")
    if other := sorted(set(chunk) - names):
        raise InvalidAction(f"the agent gave {', '.join(other)}; the environment takes {', '.join(sorted(names))}")
    return {c.name: _check_channel(c, chunk[c.name], steps) for c in action}


def chunk_length(chunk: Chunk) -> int:
    return len(next(iter(chunk.values())))


def _check_channel(channel: Channel, value: Any, steps: int) -> np.ndarray:
    try:
        raw = np.asarray(value)
        if raw.dtype.kind == "c":
            raise InvalidAction(f"{channel.name} holds complex numbers; an action is real")
        if raw.dtype.kind in "USMm":
            raise InvalidAction(f"{channel.name} holds {raw.dtype}, not numbers")
        array = raw.astype(channel.dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise InvalidAction(f"{channel.name} is not an array of numbers ({error})") from None
    if array.ndim != 1 + len(channel.shape) or array.shape[1:] != channel.shape:
        want = ", ".join(["steps", *map(str, channel.shape)])
        raise InvalidAction(f"{channel.name} has shape {array.shape}, expected ({want})")
    if len(array) < steps:
        raise InvalidAction(
            f"{channel.name} has {len(array)} steps; the protocol executes {steps} before the next look"
        )
    array = array[:steps]
    if not np.isfinite(array).all():
        step, *_ = np.argwhere(~np.isfinite(array))[0]
        raise InvalidAction(f"{channel.name} is not finite at step {step} of the chunk: {array[step]}")
    return array


def _channels(space: Any) -> tuple[Channel, ...]:
    return tuple(
        Channel(name, tuple(s.shape or ()), "str" if isinstance(s, gymnasium.spaces.Text) else str(s.dtype), "", "")
        for name, s in space.spaces.items()
    )
