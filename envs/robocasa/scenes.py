"""Scene manifests: what an episode's scene is, so that another agent can meet the very same one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.contracts import digest
from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    from envs.robocasa.assets.pack import Pack
    from envs.robocasa.simulator import Simulator

VERSION = 1


class SceneMismatch(CrossbodyError):
    """A scene manifest that this task, pack or version cannot rebuild."""


def describe(simulator: Simulator, task: str, seed: int, pack: Pack, model: str) -> dict[str, Any]:
    """Return the manifest of the scene that the simulator holds, as plain data; positions in m, world frame, quaternions w x y z."""
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
        "qpos": [float(q) for q in simulator.data.qpos],
    }


def scene_hash(scene: Mapping[str, Any]) -> str:
    """Return the digest by which episodes are paired: equal scenes have equal digests."""
    return digest(dict(scene))


def check_replayable(scene: Mapping[str, Any], task: str, pack_sha256: str) -> None:
    """Raise SceneMismatch when a manifest is of another version, task or asset pack."""
    problems = []
    if scene.get("version") != VERSION:
        problems.append(f"its format is version {scene.get('version')}, this is version {VERSION}")
    elif scene["task"] != task:
        problems.append(f"it belongs to task {scene['task']}, not {task}")
    elif scene["assets"]["sha256"] != pack_sha256:
        problems.append(
            f"it was made with asset pack {scene['assets']['name']} {scene['assets']['sha256'][:16]}, this is {pack_sha256[:16]}"
        )
    if problems:
        raise SceneMismatch(f"this scene cannot be replayed: {problems[0]}")


def check_same(wanted: Mapping[str, Any], built: Mapping[str, Any]) -> None:
    """Raise SceneMismatch when a rebuilt scene differs from its manifest, naming what differs."""
    wrong = [key for key in ("instruction", "objects", "fixtures", "model", "qpos") if wanted[key] != built[key]]
    if wrong:
        raise SceneMismatch(
            f"the scene of {wanted['task']} seed {wanted['seed']} came out differently here ({', '.join(wrong)}): "
            "the simulator's versions or this machine's arithmetic differ from where it was recorded"
        )


def model_hash(xml: str, pack_root: Path) -> str:
    """Return the digest of a scene's MJCF, with the folders of this machine taken out of its file names."""
    portable = xml.replace(f"{pack_root}/", "pack/")
    portable = re.sub(r'file="[^"]*/(robosuite|robocasa_gr1)/', r'file="\1/', portable)
    return hashlib.sha256(portable.encode()).hexdigest()[:16]


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
