"""The procedural set by name: which clips there are, how they are split, and each clip, made on first use and kept."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import UnknownName
from crossbody.extras import cache_folder
from crossbody.seeds import generator

if TYPE_CHECKING:
    from envs.humanoid.motions.plan import MotionPlan
    from envs.humanoid.motions.posing import PosingModel
    from tasks.motion.motion import Motion

VERSION = 3
"""Rises with whatever moves a clip: it is in the name of the cache's folder and in every clip's source."""
ROBOT = "g1_23"
CLIPS_PER_KIND = 50
LICENCE = "Apache-2.0"
MODULES = {
    "stand": "standing",
    "squat": "standing",
    "bow": "standing",
    "reach": "arms",
    "wave": "arms",
    "punch": "arms",
    "kick": "leaving",
    "jump": "leaving",
    "turn": "stepping",
    "step_in_place": "stepping",
    "walk": "stepping",
    "side_step": "stepping",
}
KINDS = tuple(MODULES)
HELD_OUT_KINDS = ("bow", "side_step", "jump")
"""Kinds that are never in ``train``."""
HELD_OUT_EVERY = 5
"""Of the other kinds, each seed of which this is left over 4 is held out."""
SPLITS = ("train", "held_out", "unseen_kind", "all")


def split_of(kind: str, seed: int) -> str:
    """Return the split of a clip: ``train``, ``held_out`` (a kind of train, another seed) or ``unseen_kind``."""
    if kind in HELD_OUT_KINDS:
        return "unseen_kind"
    return "held_out" if seed % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 else "train"


def names(split: str = "all", clips_per_kind: int = CLIPS_PER_KIND) -> list[str]:
    """Return the clips ``<kind>/<seed>`` of a split with seeds below ``clips_per_kind``; nothing is made.
    UnknownName for another split."""
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    clips = [(kind, seed) for kind in KINDS for seed in range(clips_per_kind)]
    return [f"{kind}/{seed:04d}" for kind, seed in clips if split in ("all", split_of(kind, seed))]


def load(name: str, robot: str = ROBOT) -> Motion:
    """Return a clip by its name, from the cache or made and kept there; UnknownName for a kind that there is not."""
    from tasks.motion.reading import read_one
    from tasks.motion.store import save

    kind, _, seed = name.partition("/")
    if kind not in KINDS or not seed.isdigit():
        raise UnknownName("motion", name, names(clips_per_kind=1))
    file = folder(robot) / kind / f"{int(seed):04d}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        save(make(kind, int(seed), robot), file)
    return read_one(file)


def folder(robot: str = ROBOT) -> Path:
    """Return where the clips of a robot are kept; it may not exist yet."""
    return cache_folder() / "motions" / f"procedural-{VERSION}" / robot


def make(kind: str, seed: int, robot: str = ROBOT) -> Motion:
    """Return a clip of a kind for a robot, made anew: 50 frames a second, several captions. The same seed is the same
    clip.

    Plans are posed on the G1; another robot gets its clips by retargeting those of ``ROBOT``.
    """
    from envs.humanoid import robot as robots
    from envs.humanoid.motions.timing import FPS
    from tasks.motion.motion import Motion

    if robots.family_of(robot) != robots.family_of(ROBOT):
        from envs.humanoid.retarget.fit import retarget

        return retarget(make(kind, seed), robots.load(robot), FPS).motion
    body = _body(robot)
    plan = planned(kind, seed, body)
    qpos, _ = body.pose(plan)
    return Motion(
        f"{kind}/{seed:04d}",
        body.keypoints(qpos),
        qpos[:, :3],
        qpos[:, 3:7],
        FPS,
        tuple(plan.texts),
        f"procedural-{VERSION} {kind} {seed}",
        LICENCE,
        qpos[:, 7:],
        body.robot.joint_names,
    )


def planned(kind: str, seed: int, body: PosingModel) -> MotionPlan:
    """Return what a clip asks of a body before its joints are known; UnknownName for a kind that there is not."""
    if kind not in KINDS:
        raise UnknownName("kind of motion", kind, KINDS)
    function = getattr(importlib.import_module(f"envs.humanoid.motions.{MODULES[kind]}"), kind)
    return function(generator(seed, f"motion/{kind}"), body)


@cache
def _body(robot: str) -> PosingModel:
    from envs.humanoid import robot as robots
    from envs.humanoid.motions.posing import PosingModel

    return PosingModel(robots.load(robot))
