"""The RoboCasa GR1 tabletop tasks as Gymnasium environments.

Protocol of the benchmark: 20 Hz, absolute joint targets in radians, 720 control steps, sparse success that the package
checks after every control step. The environment never terminates by itself; who runs it counts the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from crossbody.contracts import Channel, ChunkResult, Contract
from crossbody.errors import InvalidAction, UnknownName
from envs.instruction import Instruction
from envs.robocasa import canonical, package, scenes, shortcuts
from envs.robocasa.assets import pack as packs
from envs.robocasa.limits import JOINTS, joint_ranges
from envs.robocasa.render_presets import RenderPreset, find_render_preset
from envs.robocasa.rendering import Renderer
from envs.robocasa.simulator import Simulator
from envs.robocasa.state import SceneMismatch, State
from tasks import gr1

BEYOND_RANGE = np.pi
"""Targets this far (rad) past a joint's range are a mistake (degrees, another joint's value);
nearer ones are passed on."""

SCENES = ("fresh", "canonical")

TEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.\n\t[]{}()!?'_:#-"


class RoboCasaGR1(gymnasium.Env):
    """One task. Observations and actions are dictionaries under GR00T's channel names; see ``tasks/gr1.py``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: str = "PosttrainPnPNovelFromPlateToBowlSplitA",
        assets: str = "generated",
        render_preset: str | None = None,
        privileged: bool = False,
        scenes: str = "fresh",
        render_mode: str | None = "rgb_array",
    ):
        """``assets``: generated or official. ``render_preset``: fast or faithful; by default faithful with official
        assets only.

        ``scenes``: fresh draws every scene from the seed; canonical takes the shipped scene that ``options["index"]``
        of
        ``reset`` names, and draws from the seed beyond the last one.
        """
        self.render_mode = render_mode
        self.task_name = task
        self.pack = packs.find(assets)
        self.scenes = _checked_scenes(scenes, self.pack.sha256)
        self.render_preset: RenderPreset = find_render_preset(
            render_preset or ("faithful" if assets == "official" else "fast")
        )
        package.load(self.pack.root)
        self.simulator = Simulator(task, self._process_xml)
        shortcuts.apply()
        self._renderer = Renderer(self.render_preset)
        self._scene: dict[str, Any] = {}
        self._model_hash = ""
        self._pictures: dict[str, np.ndarray] = {}
        channels = (*gr1.STATE, *gr1.VIDEO, gr1.LANGUAGE, *((gr1.OBJECT_POSES,) if privileged else ()))
        self._offered = Contract(channels, gr1.ACTION)
        self._wanted = frozenset(c.name for c in channels)
        self.observation_space = spaces.Dict({c.name: _space(c) for c in channels})
        self.action_space = spaces.Dict({f"action.{part}": _box(part) for part in gr1.PARTS})

    def contract(self) -> Contract:
        """Return the channels that this environment reads and offers."""
        return self._offered

    def fingerprint(self) -> dict[str, Any]:
        """Return what this environment adds to the protocol's hash: versions, asset pack, render preset, patches."""
        return {
            "simulator": f"praxis-robocasa-gr1 {version('praxis-robocasa-gr1')}",
            "robosuite": version("praxis-robosuite"),
            "mujoco": version("mujoco"),
            "assets": f"{self.pack.name} {self.pack.sha256[:16]}",
            "look": self.render_preset.name,
            "patches": list(package.PATCHES),
            "PYTHONHASHSEED": "0",
        } | ({"scenes": canonical.fingerprint()} if self.scenes == "canonical" else {})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Build a scene from the seed.

        ``options``: ``scene`` is a manifest to restore instead (see ``scenes.py``); ``index`` chooses a canonical
        scene;
        ``observe`` lists the only channels to produce in this episode, so that pictures which nobody reads are not
        rendered.
        ``info``: success (bool), instruction (str), scene (its manifest).
        """
        super().reset(seed=seed)
        options = options or {}
        self._wanted = self._chosen(options.get("observe"))
        if options.get("scene") is not None:
            self.replay(options["scene"])
        elif (start := self._canonical(options)) is not None:
            self.restore(start)
        else:
            self._build(int(self.np_random.integers(2**31)) if seed is None else seed)
        self._take_pictures()
        return self._observation(), {"success": False, "instruction": self._scene["instruction"], "scene": self._scene}

    def replay(self, scene: Mapping[str, Any]) -> None:
        """Build the scene of a manifest: in its recorded state, or, from before states were recorded, by simulation."""
        scenes.check_replayable(scene, self.task_name, self.pack.sha256)
        self._build(scene["seed"], State.parse(scene) if "state" in scene else None)
        scenes.check_same(scene, self._scene)
        self._scene = dict(scene) if "state" in scene else self._scene

    def restore(self, start: canonical.Start) -> None:
        """Build a canonical scene; SceneMismatch when its model is another one here."""
        self._build(start.seed, start.state())
        scenes.check_model(start, self.task_name, self._model_hash)

    def step(self, action: Mapping[str, np.ndarray]) -> tuple[dict, float, bool, bool, dict]:
        """Execute one control step (50 ms). The reward is 1 while the package's success holds, else 0."""
        result = self.step_chunk({name: np.asarray(value)[None] for name, value in action.items()})
        success = result.success[-1]
        return dict(result.observation), float(success), False, False, {"success": success}

    def step_chunk(
        self, chunk: Mapping[str, np.ndarray], on_step: Callable[[int, bool], Any] | None = None
    ) -> ChunkResult:
        """Execute a chunk of absolute joint targets, channel -> (steps, width) rad, and observe after its last step.

        ``on_step(k, success)`` is called after each control step and ends the chunk there by returning True.
        """
        targets = self._checked(chunk)
        steps = len(targets["waist"])
        success: list[bool] = []
        signals: dict[str, list[np.ndarray]] = {}
        for k in range(steps):
            now = {part: values[k] for part, values in targets.items()}
            success.append(self.simulator.step(now))
            self._record(signals)
            if on_step is not None and on_step(k, success[-1]):
                break
        self._take_pictures()
        return ChunkResult(self._observation(), success, {k: np.array(v) for k, v in signals.items()})

    def render(self) -> np.ndarray:
        """Return the head camera's whole view for a video, uint8 (400, 640, 3)."""
        return self._renderer.frame(self.simulator.model, self.simulator.data, "egoview", (640, 400))

    def picture(self) -> np.ndarray:
        """Return ``video.ego_view`` of whatever the simulation's data hold now, uint8 (256, 256, 3)."""
        return self._renderer.ego(self.simulator.model, self.simulator.data)[gr1.EGO.name]

    def close(self) -> None:
        """Free the simulator and the GL context."""
        self._renderer.close()
        self.simulator.close()

    def _build(self, seed: int, state: State | None = None) -> None:
        self.simulator.reset(seed, state)
        self._scene = scenes.describe(self.simulator, self.task_name, seed, self.pack, self._model_hash)

    def _canonical(self, options: Mapping[str, Any]) -> canonical.Start | None:
        if self.scenes == "fresh":
            return None
        if not isinstance(options.get("index"), int) or options["index"] < 0:
            raise SceneMismatch("canonical scenes are chosen by number: give reset options={'index': k} with k from 0")
        return canonical.start(self.task_name, options["index"])

    def _observation(self) -> dict[str, Any]:
        sources: dict[str, Any] = {f"state.{part}": q for part, q in self.simulator.joint_positions().items()}
        sources |= self._pictures | {gr1.LANGUAGE.name: self._scene["instruction"]}
        if gr1.OBJECT_POSES.name in self._wanted:
            poses = [self.simulator.body_pose(o["name"]) for o in self._scene["objects"]]
            sources[gr1.OBJECT_POSES.name] = np.stack(poses)
        return {name: sources[name] for name in self.observation_space.spaces if name in self._wanted}

    def _chosen(self, names: Sequence[str] | None) -> frozenset[str]:
        if names is None:
            return frozenset(self.observation_space.spaces)
        for name in names:
            if name not in self.observation_space.spaces:
                raise UnknownName("observation channel", name, self.observation_space.spaces)
        return frozenset(names)

    def _take_pictures(self) -> None:
        if any(c.name in self._wanted for c in gr1.VIDEO):
            self._pictures = self._renderer.ego(self.simulator.model, self.simulator.data)

    def _record(self, signals: dict[str, list[np.ndarray]]) -> None:
        now = {f"state.{part}": q for part, q in self.simulator.joint_positions().items()}
        for name, body in (("object", "obj"), ("container", "container")):
            if body in self.simulator.task.obj_body_id:
                now[name] = self.simulator.body_pose(body)
        for name, value in now.items():
            signals.setdefault(name, []).append(value)

    def _checked(self, chunk: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return body part -> (steps, width) float32 targets, or raise InvalidAction saying what was expected and what
        came."""
        names = [f"action.{part}" for part in gr1.PARTS]
        if set(chunk) != set(names):
            raise InvalidAction(f"expected the action channels {', '.join(names)}; got {', '.join(chunk) or 'none'}")
        ranges, checked = joint_ranges(), {}
        for part, width in gr1.PARTS.items():
            values = np.asarray(chunk[f"action.{part}"], dtype=np.float32)
            if values.ndim != 2 or values.shape[1] != width or len(values) == 0:
                raise InvalidAction(
                    f"action.{part}: expected an array (steps, {width}) of radians, got shape {values.shape}"
                )
            _check_values(part, values, ranges[part])
            checked[part] = values
        if len({len(v) for v in checked.values()}) > 1:
            lengths = ", ".join(f"{p} {len(v)}" for p, v in checked.items())
            raise InvalidAction(f"all action channels of a chunk must have the same number of steps; got {lengths}")
        return checked

    def _process_xml(self, xml: str) -> str:
        self._model_hash = scenes.model_hash(xml, self.pack.root)
        if self.render_preset.decimated:
            from envs.robocasa.assets import decimate

            xml = decimate.lighten(xml)
        return xml


def _check_values(part: str, values: np.ndarray, limits: np.ndarray) -> None:
    if not np.isfinite(values).all():
        step, joint = np.argwhere(~np.isfinite(values))[0]
        raise InvalidAction(
            f"action.{part}[{joint}] ({JOINTS[part][joint]}) is {values[step, joint]} at step {step} of the "
            "chunk; expected radians"
        )
    wrong = (values < limits[:, 0] - BEYOND_RANGE) | (values > limits[:, 1] + BEYOND_RANGE)
    if wrong.any():
        step, joint = np.argwhere(wrong)[0]
        low, high = limits[joint]
        raise InvalidAction(
            f"action.{part}[{joint}] ({JOINTS[part][joint]}) is {values[step, joint]:.3g} at step {step} of "
            "the chunk; the joint goes from "
            f"{low:.2f} to {high:.2f} rad. Targets are absolute joint positions in radians: are these degrees, "
            "or another joint's values?"
        )


def _checked_scenes(name: str, pack_sha256: str) -> str:
    if name not in SCENES:
        raise UnknownName("kind of scenes", name, SCENES)
    if name == "canonical":
        canonical.check_pack(pack_sha256)
    return name


def _box(part: str) -> spaces.Box:
    low, high = joint_ranges()[part].T.astype(np.float32)
    return spaces.Box(low, high, dtype=np.float32)


def _space(channel: Channel) -> spaces.Space:
    if channel.dtype == "str":
        return Instruction(max_length=256, charset=TEXT)
    if channel.dtype == "uint8":
        return spaces.Box(0, 255, channel.shape, np.uint8)
    if -1 in channel.shape:
        return spaces.Sequence(spaces.Box(-np.inf, np.inf, channel.shape[1:], np.float32), stack=True)
    low, high = joint_ranges()[channel.name.removeprefix("state.")].T.astype(np.float32)
    return spaces.Box(low - 0.5, high + 0.5, dtype=np.float32)  # contact pushes joints a little past their range
