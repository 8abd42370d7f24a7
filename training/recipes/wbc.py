"""the whole-body controller: PPO in simulation, without demonstrations"""

from __future__ import annotations

import copy
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from agents.humanoid_tracker.network import Actor
from agents.nets.checkpoint import Checkpoint, load_checkpoint
from crossbody.errors import CrossbodyError, UnknownName
from envs.humanoid import robot as robots
from training import wbc
from training.card import write_card
from training.recipe import FREE, Job, Options, Recipe, Run, filled, given
from training.show import table
from training.wbc.humanoid import Humanoids, reward_weights, training_clips
from training.wbc.learning import Learner, Schedule, Shape
from training.wbc.ppo import Settings

SIZES = Path(wbc.__file__).parent / "sizes"
KIND = "humanoid_tracker"
DRY = {"environments": 8, "clips_per_kind": 2, "iterations": 2, "steps": 4}
SAMPLES_PER_S = {"mujoco": 3500}  # with one thread, beside other work: 6.1 million in 29 minutes
"""Steps per second on two cores, networks included, for the plan; other backends were not timed."""


@dataclass(frozen=True)
class WbcOptions(Options):
    """Train the whole-body controller from nothing: `train wbc`."""

    size: str = "tiny"
    """tiny trains on two cores in three hours; base has the field's numbers and wants a GPU backend."""

    backend: Literal["mujoco", "isaacgym", "mjx"] = "mujoco"
    """Who does the physics."""

    device: str | None = None
    """Where Isaac Gym simulates: cuda:0 unless told, or cpu. The other backends choose for themselves."""

    robot: str | None = None
    """Which joints move; the size's own robot when none is given."""

    kinds: tuple[str, ...] = ()
    """Only these kinds of motion; all that are not held out when none is given."""

    iterations: int | None = None
    """Rounds of collecting and learning; the size's own number when none is given."""

    environments: int | None = None
    """Robots that are simulated at once."""

    minibatches: int | None = None
    """Steps of the optimiser in each of an iteration's epochs: with sixteen times the robots take three times the
    size's own."""

    learning_rate: float | None = None
    """Adam's step size at the beginning."""

    warm_start: Path | None = None
    """A controller's checkpoint to begin with, of the same size and robot."""

    threads: int = 2
    """CPU threads of the physics."""

    network_threads: int = 1
    """CPU threads of the networks. More fight with the physics for the cores,
    unless there are many and OMP_WAIT_POLICY=passive is set."""

    solver_rounds: tuple[int, int] | None = None
    """Of mjx: most rounds of the contact solver and of its line search. 5 and 8 unless told: then robots that are
    thrown about are 3 mrad from MuJoCo's, whose own are 100 and 50, after half a second. 10 and 8 leave a thousandth of
    that."""

    save_every: int = 50
    """Iterations between snapshots, from which the same command goes on. All robots start anew after each,
    so it may not change."""

    log_every: int = 5
    """Iterations between points of the curves."""


def resolve(options: WbcOptions) -> WbcOptions:
    size = load_size(options)
    world, learning = size["world"], size["learning"]
    return filled(
        options,
        robot=world["robot"],
        environments=world["environments"],
        iterations=learning["iterations"],
        learning_rate=size["ppo"]["learning_rate"],
        minibatches=size["ppo"]["minibatches"],
    )


def build(options: WbcOptions) -> Practice:
    size = load_size(options)
    physics_options(options)  # before anything is simulated
    return Practice(size, training_clips(options.kinds, size["world"]["clips_per_kind"]))


@dataclass(frozen=True)
class Practice(Job):
    """PPO over the tracking task; a checkpoint is left at every snapshot."""

    size: dict[str, Any]
    clips: list[str]

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"size": self.size, "clips": self.clips, "rewards": reward_weights()}

    def train(self, run: Run[WbcOptions]) -> None:
        torch.set_num_threads(1)  # while motions are read; more would fight with the physics for the cores
        options, size = run.options, self.size
        world = Humanoids(size["world"], self.clips, options.backend, **physics_options(options))
        torch.set_num_threads(options.network_threads)
        try:
            learner = make_learner(run, size, world)
            learner.run(lambda shown: keep(run, size, world, learner, shown))
        finally:
            world.close()


def make_learner(run: Run[WbcOptions], size: Mapping[str, Any], world: Humanoids) -> Learner:
    """Return the learner where the folder's snapshot is, or at its beginning."""
    learning, options = size["learning"], run.options
    schedule = Schedule(
        run.folder,
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
        begun = load_checkpoint(options.warm_start, KIND, "Give a folder that `train wbc` wrote.")
        begun.restore(learner.actor, options.warm_start)
    return learner


def keep(
    run: Run[WbcOptions], size: dict[str, Any], world: Humanoids, learner: Learner, shown: Mapping[str, float]
) -> None:
    """Write checkpoint and card. ``shown``: the last figures of the curves."""
    steps, iterations = size["learning"]["steps"], learner.state.iteration
    made = {
        "options": given(run.given),
        "iterations": iterations,
        "environments": world.count,
        "samples": iterations * steps * world.count,
        "minutes": learner.state.seconds / 60,
        "motions": len(world.clips),
        "rewards": reward_weights(),
        "torch": torch.__version__,
        "last": {k: round(v, 4) for k, v in shown.items() if math.isfinite(v)},
    }
    Checkpoint(KIND, config_of(size, world), _weights(learner.actor), {}, {}, made).save(run.folder)
    about = (
        f"A whole-body controller: it makes the {world.body.name} configuration of the {world.body.title} "
        "follow a reference motion in physics.\n"
        "Trained here from nothing by PPO on procedural motions. Licence: Apache-2.0. For research in "
        "simulation; nothing here is fit to\n"
        "move a real robot."
    )
    took = (
        f"{made['samples'] / 1e6:.1f} million samples ({iterations} iterations, {world.count} robots) in "
        f"{made['minutes']:.0f} minutes, on {made['motions']} motions; torch {made['torch']}."
    )
    write_card(run, f"{KIND}, {run.options.size}", about, took, made["last"])


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


def physics_options(options: WbcOptions) -> dict[str, Any]:
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


def example(folder: Path, seed: int) -> WbcOptions:
    return WbcOptions(dry_run=True, kinds=("stand",), threads=1, save_every=1, log_every=1)


RECIPE = Recipe(WbcOptions, build, describe, example, resolve, FREE - {"save_every"} | {"network_threads"})
