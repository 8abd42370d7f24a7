"""Scene manifests: what an episode's scene is, so that another agent can meet the very same one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.robocasa.state import SceneMismatch, State

if TYPE_CHECKING:
    from envs.robocasa.assets.pack import Pack
    from envs.robocasa.canonical import Start
    from envs.robocasa.simulator import Simulator

VERSION = 1
_MODEL = ("instruction", "layout", "style", "objects", "fixtures", "model")
_STATE = {"time", "qvel", "ctrl", "warmstart"}


def describe(simulator: Simulator, task: str, seed: int, pack: Pack, model: str) -> dict[str, Any]:
    """Return the manifest of the scene that the simulator holds, as plain data; positions in m, world frame,
    quaternions w x y z."""
    meta = simulator.task.get_ep_meta()
    objects = [_object(simulator, cfg, pack.root) for cfg in simulator.task.object_cfgs]
    return {
        "version": VERSION,
        "task": task,
        "seed": seed,
        "instruction": simulator.instruction,
        "assets": {"name": pack.name, "sha256": pack.sha256},
        "layout": meta["layout_id"],
        "style": meta["style_id"],
        "objects": objects,
        "fixtures": {name: fixture["cls"] for name, fixture in meta["fixtures"].items()},
        "model": model,
        "qpos": simulator.data.qpos.tolist(),
        "state": State.read(simulator.data).plain(),
    }


def check_replayable(scene: Mapping[str, Any], task: str, pack_sha256: str) -> None:
    """Raise SceneMismatch when a manifest is of another version, task or asset pack, or its state is not whole."""
    problems = []
    if scene.get("version") != VERSION:
        problems.append(f"its format is version {scene.get('version')}, this is version {VERSION}")
    elif scene["task"] != task:
        problems.append(f"it belongs to task {scene['task']}, not {task}")
    elif scene["assets"]["sha256"] != pack_sha256:
        problems.append(
            f"it was made with asset pack {scene['assets']['name']} {scene['assets']['sha256'][:16]}, this is "
            f"{pack_sha256[:16]}"
        )
    elif "state" in scene and (lacking := _STATE - set(scene["state"])):
        problems.append(f"its state lacks {', '.join(sorted(lacking))}")
    if problems:
        raise SceneMismatch(f"this scene cannot be replayed: {problems[0]}")


def check_same(wanted: Mapping[str, Any], built: Mapping[str, Any]) -> None:
    """Raise SceneMismatch when a rebuilt scene differs from its manifest, naming what differs.

    A manifest with a ``state`` is restored, so only its model can differ; one without must come out the same by itself.
    """
    restored = "state" in wanted
    wrong = [key for key in _MODEL if _identity(wanted, key) != _identity(built, key)]
    wrong += [key for key in ("objects", "qpos") if not restored and key not in wrong and wanted[key] != built[key]]
    if not wrong:
        return
    text = f"the scene of {wanted['task']} seed {wanted['seed']} came out differently here ({', '.join(wrong)}): "
    if restored:
        raise SceneMismatch(text + "the simulator's or the robot's versions differ from where it was recorded")
    raise SceneMismatch(
        text
        + "its manifest records no state (velocities, controls, the solver's start) that could be restored, as it is "
        "older than that, and simulated anew it depends on versions and on the machine's arithmetic. Record it again"
    )


def check_model(start: Start, task: str, model: str) -> None:
    """Raise SceneMismatch when a canonical scene's model is another one here."""
    if start.model != model:
        raise SceneMismatch(
            f"a canonical scene of {task} (seed {start.seed}) has another model here, {model} instead of "
            f"{start.model}: "
            "the simulator's or the robot's versions differ. `uv sync` installs the right ones; or give --scenes fresh"
        )


def model_hash(xml: str, pack_root: Path) -> str:
    """Return the digest of a scene's MJCF, with the folders of this machine taken out of its file names."""
    portable = xml.replace(f"{pack_root}/", "pack/")
    portable = re.sub(r'file="[^"]*/(robosuite|robocasa_gr1)/', r'file="\1/', portable)
    return hashlib.sha256(portable.encode()).hexdigest()[:16]


def _identity(scene: Mapping[str, Any], key: str) -> Any:
    """Return an entry of a manifest without poses: which objects there are, not where."""
    if key != "objects":
        return scene[key]
    return [(o["name"], o["category"], o["model"]) for o in scene["objects"]]


def _object(simulator: Simulator, cfg: Mapping[str, Any], root: Path) -> dict[str, Any]:
    path = Path(cfg["info"]["mjcf_path"])
    pose = [float(v) for v in simulator.body_pose(cfg["name"])]
    return {
        "name": cfg["name"],
        "category": cfg["info"]["cat"],
        "model": str(path.relative_to(root)) if path.is_relative_to(root) else path.name,
        "position": pose[:3],
        "quaternion": pose[3:],
    }
