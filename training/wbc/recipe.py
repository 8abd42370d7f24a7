"""Recipe of the whole-body controller: PPO over the tracking task, from a size's file to a checkpoint with its card."""

from __future__ import annotations

import copy
import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any

import torch

from agents.humanoid_tracker.network import Actor
from agents.nets.checkpoint import Checkpoint, load_checkpoint
from crossbody.errors import CrossbodyError, UnknownName
from envs.humanoid import robot as robots
from training.loop import refuse_other
from training.show import table
from training.wbc.card import write_card
from training.wbc.humanoid import Humanoids, reward_weights, training_clips
from training.wbc.learning import Learner, Schedule, Shape
from training.wbc.options import WbcOptions
from training.wbc.ppo import Settings

SIZES = Path(__file__).parent / "sizes"
KIND = "humanoid_tracker"
DRY = {"environments": 8, "clips_per_kind": 2, "iterations": 2, "steps": 4}
SAMPLES_PER_S = {"mujoco": 3500}  # with one thread, beside other work: 6.1 million in 29 minutes
"""Steps per second on two cores, networks included, for the plan; other backends were not timed."""


def train(options: WbcOptions) -> Path:
    """Train, write the checkpoint at every snapshot, and return its folder."""
    size = load_size(options)
    torch.set_num_threads(1)  # while motions are read; more would fight with the physics for the cores
    learning = size["learning"]
    clips = training_clips(options.kinds, size["world"]["clips_per_kind"])
    folder = options.out or Path("runs/train") / f"wbc-{options.size}"
    world = Humanoids(size["world"], clips, options.backend, **_physics_options(options))
    torch.set_num_threads(options.network_threads)
    refuse_other(
        folder, {"recipe": "wbc", "size": size, "clips": clips, "rewards": reward_weights(), "seed": options.seed}
    )
    schedule = Schedule(
        folder,
        learning["iterations"],
        learning["steps"],
        world.step_s,
        options.seed,
        options.save_every,
        options.log_every,
    )
    shape = Shape(tuple(learning["actor"]), tuple(learning["critic"]), learning["first_std"])
    learner = Learner(world, shape, Settings(**size["ppo"]), schedule)
    if options.warm_start and learner.state.iteration == 0:
        load_checkpoint(options.warm_start, KIND, "Give a folder that `train wbc` wrote.").restore(
            learner.actor, options.warm_start
        )

    def saved(shown: dict[str, float]) -> None:
        made = {
            "options": _given(options), "iterations": learner.state.iteration, "environments": world.count,
            "samples": learner.state.iteration * learning["steps"] * world.count, "minutes": learner.state.seconds / 60,
            "motions": len(clips), "rewards": reward_weights(), "torch": torch.__version__,
            "last": {k: round(v, 4) for k, v in shown.items() if math.isfinite(v)},
        }  # fmt: skip
        checkpoint = Checkpoint(KIND, config_of(size, world), _weights(learner.actor), {}, {}, made)
        checkpoint.save(folder)
        write_card(folder, options.size, checkpoint)

    try:
        learner.run(saved)
    finally:
        world.close()
    return folder


def load_size(options: WbcOptions) -> dict[str, Any]:
    """Return a size's numbers with what the options change; an unknown size raises UnknownName."""
    known = {file.stem: file for file in SIZES.glob("*.toml")}
    if options.size not in known:
        raise UnknownName("size", options.size, known)
    size = copy.deepcopy(tomllib.loads(known[options.size].read_text()))
    changes: list[tuple[str, str, Any]] = []
    if options.dry_run:
        changes += [("world" if key in size["world"] else "learning", key, value) for key, value in DRY.items()]
    changes += [
        ("world", "robot", options.robot),
        ("world", "environments", options.environments),
        ("learning", "iterations", options.iterations),
        ("ppo", "learning_rate", options.learning_rate),
        ("ppo", "minibatches", options.minibatches),
    ]
    for part, key, value in changes:
        if value is not None:
            size[part][key] = value
    world = size["world"]
    if world["gains"] not in robots.gains_of(world["robot"]):
        world["gains"] = robots.gains_of(world["robot"])[0]
    return size


def config_of(size: dict[str, Any], world: Humanoids) -> dict[str, Any]:
    """Return what an agent must know to act with the weights."""
    return {
        "robot": world.body.name,
        "gains": world.body.gains,
        "joints": list(world.body.joint_names),
        "terms": world.terms,
        "hidden": size["learning"]["actor"],
        "action_scale": [round(float(v), 9) for v in world.body.action_scale],
        "default_angles": [round(float(v), 9) for v in world.body.default_angles],
        "residual": bool(world.task.options.residual),
        "action_limit": world.task.options.action_limit,
        "control_hz": round(1 / world.step_s),
    }


def describe(options: WbcOptions) -> str:
    """Return a table of the run to come: networks, samples and hours."""
    size = load_size(options)
    world, learning = size["world"], size["learning"]
    samples = learning["iterations"] * learning["steps"] * world["environments"]
    clips = len(training_clips(options.kinds, world["clips_per_kind"]))
    rows = [
        ("robot", world["robot"], world["gains"]),
        ("motions", str(clips), "procedural, of the training split"),
        ("actor", " - ".join(map(str, learning["actor"])), "hidden layers"),
        ("critic", " - ".join(map(str, learning["critic"])), "hidden layers"),
        (
            "samples",
            f"{samples / 1e6:,.1f} M",
            f"{learning['iterations']} x {learning['steps']} x {world['environments']}",
        ),
        ("practice", f"{samples / 50 / 3600:,.0f} h", "of robot time"),
    ]
    rate = SAMPLES_PER_S.get(options.backend)
    last = f"{samples / rate / 3600:,.1f} h at {rate} steps/s (two cores)" if rate else "not timed on this backend"
    return table(f"wbc, size {options.size}, {options.backend}", ("what", "how much", ""), rows) + f"\nTime: {last}."


def _weights(actor: Actor) -> dict[str, Any]:
    return {name: value.detach().cpu().numpy() for name, value in actor.state_dict().items()}


def _physics_options(options: WbcOptions) -> dict[str, Any]:
    if options.device is not None and options.backend != "isaacgym":
        raise CrossbodyError(
            f"--device {options.device}: it is for --backend isaacgym; {options.backend} "
            + ("simulates on the CPU" if options.backend == "mujoco" else "simulates on JAX's default device")
        )
    if options.solver_rounds is not None and options.backend != "mjx":
        raise CrossbodyError(f"--solver-rounds: it is for --backend mjx; this run has {options.backend}")
    if options.backend == "isaacgym":
        return {"simulates_on": options.device} if options.device else {}
    if options.backend == "mjx":
        return {"solver_rounds": options.solver_rounds} if options.solver_rounds else {}
    return {"threads": options.threads}


def _given(options: WbcOptions) -> dict[str, Any]:
    usual = {f.name: f.default for f in dataclasses.fields(options)}
    given = {k: v for k, v in dataclasses.asdict(options).items() if v != usual[k] or k in ("size", "seed", "backend")}
    return {k: list(v) if isinstance(v, tuple) else str(v) if isinstance(v, Path) else v for k, v in given.items()}
