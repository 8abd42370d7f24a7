"""A point that is sent to a goal on a table: a whole environment without a simulator, for testing the harness itself.

Success is decided by what the agent does: the point follows the commanded position at a limited speed and succeeds
while it is near the goal. Episodes can be made to fail in every way a simulator fails (``faults``).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from crossbody.contracts import Channel, Chunk, ChunkResult, Contract
from crossbody.errors import CrossbodyError, InvalidAction
from envs.chunked import execute
from envs.instruction import Instruction

SPEED_M = 0.05  # per control step
NEAR_M = 0.05
TABLE_M = 2.0
CONTROL_HZ = 20
PICTURE_PX = 64
FAULT_STEP = 3

POSITION = Channel("state.position", (2,), "float32", "m", "position")
GOAL = Channel("privileged.goal", (2,), "float32", "m", "position")
PICTURE = Channel("video.top", (PICTURE_PX, PICTURE_PX, 3), "uint8", "intensity", "rgb_hwc")
LANGUAGE = Channel("annotation.human.coarse_action", (), "str", "text", "instruction")
COMMAND = Channel("action.position", (2,), "float32", "m", "absolute_position")
CONTRACT = Contract((POSITION, GOAL, PICTURE, LANGUAGE), (COMMAND,))

INSTRUCTION = "move the point to the {}"
FAULTS = ("raise", "hang", "kill", "nan", "sleep", "raise_in_reset", "hang_in_reset")


class Fake(gymnasium.Env):
    """``faults``: episode index -> one of FAULTS, on the first ``fault_attempts`` attempts.
    ``side`` names the goal's side."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}

    def __init__(
        self,
        side: str = "left",
        faults: Mapping[str, str] | None = None,
        fault_attempts: int = 1,
        render_mode: str | None = "rgb_array",
    ):
        if unknown := set((faults or {}).values()) - set(FAULTS):
            raise CrossbodyError(f"unknown fault {', '.join(sorted(unknown))}. Known: {', '.join(FAULTS)}.")
        self.render_mode = render_mode
        self._side = side
        self._faults = {int(k): v for k, v in (faults or {}).items()}
        self._fault_attempts = fault_attempts
        self._fault = ""
        self._steps = 0
        self._position = np.zeros(2, np.float32)
        self._goal = np.ones(2, np.float32)
        box, text = gymnasium.spaces.Box, Instruction
        self.observation_space = gymnasium.spaces.Dict(
            {
                POSITION.name: box(-TABLE_M, TABLE_M, POSITION.shape, np.float32),
                GOAL.name: box(-TABLE_M, TABLE_M, GOAL.shape, np.float32),
                PICTURE.name: box(0, 255, PICTURE.shape, np.uint8),
                LANGUAGE.name: text(64, charset="abcdefghijklmnopqrstuvwxyz "),
            }
        )
        self.action_space = gymnasium.spaces.Dict({COMMAND.name: box(-TABLE_M, TABLE_M, COMMAND.shape, np.float32)})
        self._observed = set(self.observation_space)

    def contract(self) -> Contract:
        return CONTRACT

    def fingerprint(self) -> dict[str, Any]:
        return {"env": "crossbody/Fake-v1", "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "")}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        super().reset(seed=seed)
        options = options or {}
        self._observed = set(options.get("observe", self.observation_space))
        self._fault = self._planned_fault(options.get("episode", "/-1"), options.get("attempt", 1))
        if self._fault.endswith("_in_reset"):
            _fail(self._fault.removesuffix("_in_reset"))
        scene = options.get("scene") or self._draw_scene()
        self._goal = np.array(scene["goal"], np.float32)
        self._position = np.array(scene["start"], np.float32)
        self._steps = 0
        return self._observation(), {"instruction": INSTRUCTION.format(self._side), "scene": scene, "success": False}

    def step(self, action: Mapping[str, np.ndarray]) -> tuple[dict, float, bool, bool, dict]:
        command = np.asarray(action[COMMAND.name], np.float32)
        if np.abs(command).max() > TABLE_M:
            raise InvalidAction(
                f"{COMMAND.name} is {command.tolist()} m at step {self._steps}; the table ends at ±{TABLE_M:g} m"
            )
        if self._steps == FAULT_STEP:
            _fail(self._fault)
        if self._steps >= FAULT_STEP and self._fault == "nan":
            command = np.full(2, np.nan, np.float32)
        self._position = self._position + np.clip(command - self._position, -SPEED_M, SPEED_M)
        self._steps += 1
        success = bool(np.hypot(*(self._position - self._goal)) < NEAR_M)
        return self._observation(), float(success), False, False, {"success": success}

    def step_chunk(self, chunk: Chunk, on_step: Any = None) -> ChunkResult:
        """Execute a chunk; the position is a signal whether or not somebody observes it."""
        positions: list[np.ndarray] = []

        def after(k: int, success: bool) -> bool:
            positions.append(self._position)
            return on_step is not None and on_step(k, success)

        result = execute(self, chunk, after)
        return ChunkResult(result.observation, result.success, {POSITION.name: np.array(positions)})

    def render(self) -> np.ndarray:
        """Return the table from above: goal green, point red."""
        picture = np.full(PICTURE.shape, 230, np.uint8)
        for place, color in ((self._goal, (40, 160, 60)), (self._position, (200, 40, 40))):
            x, y = np.clip((np.nan_to_num(place) / TABLE_M + 1) / 2 * PICTURE_PX, 2, PICTURE_PX - 3).astype(int)
            picture[PICTURE_PX - y - 2 : PICTURE_PX - y + 2, x - 2 : x + 2] = color
        return picture

    def _draw_scene(self) -> dict[str, Any]:
        angle = self.np_random.uniform(-1.0, 1.0) + (np.pi if self._side == "left" else 0.0)
        distance = self.np_random.uniform(0.3, 0.9)
        goal = [round(float(distance * f(angle)), 6) for f in (np.cos, np.sin)]
        return {"goal": goal, "start": [0.0, 0.0]}

    def _observation(self) -> dict[str, Any]:
        everything = {
            POSITION.name: lambda: self._position.copy(),
            GOAL.name: lambda: self._goal.copy(),
            PICTURE.name: self.render,
            LANGUAGE.name: lambda: INSTRUCTION.format(self._side),
        }
        return {name: value() for name, value in everything.items() if name in self._observed}

    def _planned_fault(self, episode: str, attempt: int) -> str:
        index = int(episode.rpartition("/")[2])
        return self._faults.get(index, "") if attempt <= self._fault_attempts else ""


def _fail(fault: str) -> None:
    if fault == "raise":
        raise RuntimeError("the fake simulator raised, as it was told to")
    if fault == "hang":
        while True:
            time.sleep(1)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "sleep":
        time.sleep(0.3)
