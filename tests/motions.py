"""Made motions: a body of fifteen key points that walks, squats or waves,
and files of it as other programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.motion.arrays import from_positions
from tasks.motion.keypoints import NAMES, SMPL
from tasks.motion.motion import Motion

STANDING = np.array(
    [
        [0, 0, 0.95],
        [0, 0.1, 0.88],
        [0, -0.1, 0.88],
        [0, 0.1, 0.48],
        [0, -0.1, 0.48],
        [0, 0.1, 0.08],
        [0, -0.1, 0.08],
        [0, 0, 1.2],
        [0, 0, 1.6],
        [0, 0.18, 1.4],
        [0, -0.18, 1.4],
        [0, 0.2, 1.12],
        [0, -0.2, 1.12],
        [0, 0.2, 0.88],
        [0, -0.2, 0.88],
    ]
)
KINDS = ("walk", "squat", "wave")


def keypoints(kind: str = "walk", frames: int = 40, fps: float = 20.0, seed: int = 0) -> np.ndarray:
    """Return key points (frames, 15, 3) that face along x, in metres, z up."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / fps
    speed, phase = rng.uniform(0.5, 1.5), rng.uniform(0, 2 * np.pi)
    swing = np.sin(2 * np.pi * speed * time + phase)
    body = np.repeat(STANDING[None], frames, axis=0) * rng.uniform(0.9, 1.1)
    if kind == "walk":
        body[..., 0] += speed * time
        body[:, [5, 13], 0] += 0.3 * swing
        body[:, [6, 14], 0] -= 0.3 * swing
    elif kind == "squat":
        body[:, [0, 1, 2, *range(7, 15)], 2] -= 0.2 * (1 + swing)
    else:
        body[:, 14] += np.concatenate([0 * swing, 0.2 * swing, 0 * swing + 0.8], axis=1)
    return body


def motion(kind: str = "walk", frames: int = 40, fps: float = 20.0, seed: int = 0) -> Motion:
    return from_positions(f"{kind} {seed}", keypoints(kind, frames, fps, seed), fps)


def smpl(points: np.ndarray, joints: int = 22) -> np.ndarray:
    """Return SMPL joints (T, joints, 3) that hold the key points; the others are at the pelvis."""
    out = np.repeat(points[:, :1], joints, axis=1)
    out[:, list(SMPL)] = points
    return out


def y_up(points: np.ndarray) -> np.ndarray:
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


CHAINS = {  # name in the file -> key point, parent
    "Hips": ("pelvis", None),
    "mixamorig:LeftUpLeg": ("left_hip", "Hips"),
    "LeftLeg": ("left_knee", "mixamorig:LeftUpLeg"),
    "LeftFoot": ("left_ankle", "LeftLeg"),
    "RightUpLeg": ("right_hip", "Hips"),
    "RightLeg": ("right_knee", "RightUpLeg"),
    "RightFoot": ("right_ankle", "RightLeg"),
    "Spine": ("torso", "Hips"),
    "Head": ("head", "Spine"),
    "LeftArm": ("left_shoulder", "Spine"),
    "LeftForeArm": ("left_elbow", "LeftArm"),
    "LeftHand": ("left_wrist", "LeftForeArm"),
    "RightArm": ("right_shoulder", "Spine"),
    "RightForeArm": ("right_elbow", "RightArm"),
    "RightHand": ("right_wrist", "RightForeArm"),
}


def bvh(rotations: dict[str, np.ndarray], root: np.ndarray, scale: float = 100.0, time: float = 0.05) -> str:
    """Return a BVH of STANDING, y up, with Euler angles (T, 3) in degrees about Z, X and Y by joint name."""
    rest = y_up(STANDING) * scale
    text: list[str] = ["HIERARCHY"]

    def write(name: str, depth: int) -> None:
        point, parent = CHAINS[name]
        offset = rest[NAMES.index(point)] - (rest[NAMES.index(CHAINS[parent][0])] if parent else rest[0])
        kind, places = ("JOINT", "3") if parent else ("ROOT", "6 Xposition Yposition Zposition")
        text.extend([f"{kind} {name}", "{", "OFFSET " + " ".join(f"{v:.6f}" for v in offset)])
        text.append(f"CHANNELS {places} Zrotation Xrotation Yrotation")
        children = [child for child, (_, its) in CHAINS.items() if its == name]
        for child in children:
            write(child, depth + 1)
        if not children:
            text.extend(["End Site", "{", "OFFSET 0 1 0", "}"])
        text.append("}")

    write("Hips", 0)
    order = [line.split()[1] for line in text if line.startswith(("ROOT", "JOINT"))]
    still = np.zeros((len(root), 3))
    rows = np.concatenate([y_up(root) * scale, *(rotations.get(name, still) for name in order)], axis=1)
    text += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {time}", *(" ".join(f"{v:.8f}" for v in r) for r in rows)]
    return "\n".join(text) + "\n"


def folder(path: Path, motions: dict[str, Motion]) -> Path:
    from tasks.motion.store import save

    for name, its in motions.items():
        save(its, path / f"{name}.npz")
    return path
