"""Motions of robots as other programs write them: CSV rows of root and joints (LAFAN1's retargeted G1), npz of mjlab and Isaac Lab."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.humanoid import robot as robots
from tasks.motion import reading
from tasks.motion.foreign import Hints, frame_rate
from tasks.motion.motion import LARGEST_ANGLE_RAD, Motion, MotionError, check_radians
from tasks.motion.reading import NO_HINTS, Read

FILES = (".csv", *reading.FILES)
ROOT = ("root x", "root y", "root z", "root qx", "root qy", "root qz", "root qw")
WIDTHS = {7 + 29: "g1_29", 7 + 23: "g1_23"}
"""Columns of a CSV: the root and the joints of Unitree's G1, in its own order, which is the model's."""

BEYOND_RAD = 0.35
"""How far outside its range a joint may be before the numbers must be something else."""
UPRIGHT = 0.5
SAME_PLACE_M = 0.02


def read(file: Path, hints: Hints = NO_HINTS, robot: str = "") -> Read:
    """Return name -> motion, or what is wrong, of a file of any format: those of ``tasks.motion.reading`` and robots' CSV and npz.

    ``robot`` names the configuration that a robot's file is of, where its width does not say; key points come from kinematics.
    """
    if file.suffix.lower() == ".csv":
        try:
            return {file.stem: from_csv(str(file), file.read_text(), hints, robot)}
        except MotionError as error:
            return {file.stem: error}
        except (OSError, UnicodeDecodeError) as error:
            return {file.stem: MotionError(f"{file} cannot be read: {error}")}
    if file.suffix.lower() == ".npz":
        try:
            arrays = reading.load_arrays(file)
            if is_robots(arrays):
                return {file.stem: from_npz(str(file), arrays, hints, robot)}
        except MotionError as error:
            return {file.stem: error}
    return reading.read(file, hints)


def read_folder(folder: Path, hints: Hints = NO_HINTS, robot: str = "") -> Read:
    """Return the motions of a folder sorted by name; MotionError when there are none or two of a name."""
    files = sorted(f for f in folder.glob("*") if f.suffix.lower() in FILES and not f.name.startswith("."))
    found: Read = {}
    for file in files:
        for name, motion in read(file, hints, robot).items():
            if name in found:
                raise MotionError(f"two motions in {folder} are called '{name}'. Move one.")
            found[name] = motion
    if not found:
        raise MotionError(f"{folder} has no motions; expected {reading.FORMATS}, csv or npz of a robot's joints")
    return dict(sorted(found.items()))


def from_csv(name: str, text: str, hints: Hints, robot: str = "") -> Motion:
    """Return the motion of rows ``x y z qx qy qz qw joints…`` in metres and radians, with or without a heading."""
    lines = [line for line in text.splitlines() if line.strip()]
    heading = _words(lines[0]) if lines and not _is_number(_words(lines[0])[0]) else ()
    rows = lines[1:] if heading else lines
    if not rows:
        raise MotionError(f"{name}: it has no frames")
    width = len(_words(rows[0]))
    configuration, names = _configuration(name, width, heading, robot)
    values = np.empty((len(rows), width))
    for frame, line in enumerate(rows):
        values[frame] = _numbers(name, frame, _words(line), (*ROOT, *names))
    rate = frame_rate(name, None, hints, "; LAFAN1's retargeted files have 30")
    return made(
        name, Rows(values[:, :3], np.roll(values[:, 3:7], 1, axis=1), values[:, 7:], names), configuration, rate
    )


def from_npz(name: str, arrays: Mapping[str, np.ndarray], hints: Hints, robot: str = "") -> Motion:
    """Return the motion of mjlab's or Isaac Lab's arrays: which order the joints are in is found out from the bodies' places."""
    angles, places, quats = arrays["joint_pos"], arrays["body_pos_w"], arrays["body_quat_w"]
    frames = len(angles)
    if angles.ndim != 2 or places.shape[:1] + places.shape[2:] != (frames, 3) or quats.shape != (*places.shape[:2], 4):
        raise MotionError(
            f"{name}: joint_pos is {angles.shape}, body_pos_w {places.shape}, body_quat_w {quats.shape}; "
            "expected (frames, joints), (frames, bodies, 3) and (frames, bodies, 4)"
        )
    rate = frame_rate(name, float(np.ravel(arrays["fps"])[0]) if "fps" in arrays else None, hints)
    configuration, names = _configuration(name, 7 + angles.shape[1], (), robot)
    found = []
    for order in (names, breadth_first(configuration)):
        try:
            motion = made(name, Rows(places[:, 0], quats[:, 0], angles, order), configuration, rate)
        except MotionError as error:
            found.append(error)
            continue
        found.append(_apart(motion, places, configuration, order is names))
        if found[-1] < SAME_PLACE_M:
            return motion
    if isinstance(found[0], MotionError) and isinstance(found[1], MotionError):
        raise found[0]
    off = " and ".join("out of range" if isinstance(f, MotionError) else f"{1e3 * f:.0f} mm off" for f in found)
    raise MotionError(
        f"{name}: neither order of {configuration}'s joints (depth first as in MuJoCo, breadth first as in Isaac) puts the bodies where "
        f"body_pos_w has them: {off}. Is it another robot? Say which with `--robot`."
    )


def is_robots(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays of an npz are a robot's, as mjlab and Isaac Lab write them."""
    return {"joint_pos", "body_pos_w", "body_quat_w"} <= arrays.keys()


class Rows(NamedTuple):
    """What a file says of every frame."""

    root: np.ndarray  # (T, 3) m
    quats: np.ndarray  # (T, 4) wxyz
    angles: np.ndarray  # (T, J) rad
    names: tuple[str, ...]  # of the J joints


def made(name: str, rows: Rows, robot: str, fps: float) -> Motion:
    """Return the motion of a robot's rows with the key points of its kinematics; MotionError says what cannot be."""
    its = robots.load(robot)
    root, quats, angles = (np.asarray(values, dtype=float) for values in rows[:3])
    _check_root(name, root, quats)
    _check_angles(name, angles, rows.names, its)
    quats = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    ordered = its.angles(angles, rows.names, name)
    points = _keypoints(robot, root, quats, ordered)
    return Motion(name, points, root, quats, fps, source=name, joint_angles=ordered, joint_names=its.joint_names)


@cache
def breadth_first(configuration: str) -> tuple[str, ...]:
    """Return a robot's joints in the order of Isaac Lab: all of one depth before those of the next."""
    robot = robots.load(configuration)
    return tuple(robot.bodies[body].joint for body in _by_depth(configuration) if robot.bodies[body].joint)


@cache
def _by_depth(configuration: str) -> tuple[int, ...]:
    bodies = robots.load(configuration).bodies
    depths: list[int] = []
    for body in bodies:
        depths.append(0 if body.parent < 0 else depths[body.parent] + 1)
    return tuple(sorted(range(len(bodies)), key=lambda body: depths[body]))


def _apart(motion: Motion, places: np.ndarray, configuration: str, depth_first: bool) -> float:
    """The mean distance of the bodies to where the file has them, over a few frames; infinite where their number differs."""
    bodies, _ = _bodies(configuration, motion.root_position, motion.root_quat_wxyz, motion.joint_angles)
    if bodies.shape[1] != places.shape[1]:
        return float("inf")
    ours = bodies if depth_first else bodies[:, list(_by_depth(configuration))]
    return float(np.linalg.norm(ours - places, axis=-1).mean())


def _configuration(name: str, width: int, heading: tuple[str, ...], robot: str) -> tuple[str, tuple[str, ...]]:
    named = tuple(word if word.endswith("_joint") else f"{word}_joint" for word in heading[7:])
    configuration = robot or WIDTHS.get(width, "")
    if not configuration:
        listed = " or ".join(f"{columns} ({its})" for columns, its in sorted(WIDTHS.items()))
        raise MotionError(
            f"{name}: it has {width - 7} joints ({width} columns); expected 7 of the root and the joints of a G1: {listed} columns. "
            "Say `--robot` for another configuration."
        )
    names = robots.load(configuration).joint_names
    if width != 7 + len(names):
        raise MotionError(f"{name}: it has {width - 7} joints; {configuration} has {len(names)}")
    return configuration, named if set(named) == set(names) else names


def _check_root(name: str, root: np.ndarray, quats: np.ndarray) -> None:
    for what, values in (("root position", root), ("root quaternion", quats)):
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            frame, column = wrong[0]
            raise MotionError(f"{name}: frame {frame}, {what} {column} is {values[frame, column]}; expected a number")
    if len(root) < 2:
        raise MotionError(f"{name}: it has one frame; a motion needs two")
    lengths = np.linalg.norm(quats, axis=1)
    frame = int(np.argmax(np.abs(lengths - 1)))
    if abs(lengths[frame] - 1) > 0.02:
        raise MotionError(f"{name}: frame {frame}, the root quaternion has the length {lengths[frame]:.4g}; expected 1")
    upright = _up(quats)
    if np.median(upright) < UPRIGHT:
        # Read as x y z w, the identity in w x y z is half a turn about x.
        swapped = np.median(upright) < -UPRIGHT < UPRIGHT < np.median(_up(np.roll(quats, -1, axis=1)))
        order = " Its quaternions look like w x y z; expected x y z w." if swapped else ""
        raise MotionError(
            f"{name}: the robot lies in most frames: its upward axis points {np.rad2deg(np.arccos(np.clip(np.median(upright), -1, 1))):.0f} "
            f"degrees off z.{order or ' Is y up in this file? Here z is.'}"
        )


def _up(quats: np.ndarray) -> np.ndarray:
    return 1 - 2 * (quats[:, 1] ** 2 + quats[:, 2] ** 2)


def _check_angles(name: str, angles: np.ndarray, names: tuple[str, ...], robot: robots.Robot) -> None:
    if angles.ndim != 2 or angles.shape[1] != len(names):
        raise MotionError(f"{name}: joint angles are {angles.shape}; expected (frames, {len(names)})")
    wrong = np.argwhere(~np.isfinite(angles))
    if len(wrong):
        frame, joint = wrong[0]
        raise MotionError(f"{name}: frame {frame}, {names[joint]} is {angles[frame, joint]}; expected radians")
    check_radians(name, angles, names)
    limits = robot.limits[[robot.joint_names.index(joint) for joint in names]]
    beyond = np.maximum(limits[:, 0] - angles, angles - limits[:, 1])
    frame, joint = np.unravel_index(np.argmax(beyond), beyond.shape)
    if beyond[frame, joint] > BEYOND_RAD:
        low, high = limits[joint]
        raise MotionError(
            f"{name}: frame {frame}, {names[joint]}: {angles[frame, joint]:.4g} rad is {beyond[frame, joint]:.2g} rad outside the "
            f"joint's {low:.3g}..{high:.3g}. Are the columns in another order, or in degrees? Below {LARGEST_ANGLE_RAD:.3g} degrees look like radians."
        )


@cache
def _kinematics(configuration: str):
    import torch

    from envs.humanoid.kinematics import Kinematics

    return Kinematics(robots.load(configuration), dtype=torch.float64)


def _bodies(configuration: str, root, quats, angles):
    import torch

    places, turns = _kinematics(configuration).bodies(
        *(torch.as_tensor(v, dtype=torch.float64) for v in (root, quats, angles))
    )
    return places.numpy(), turns.numpy()


def _keypoints(configuration: str, root: np.ndarray, quats: np.ndarray, angles: np.ndarray) -> np.ndarray:
    import torch

    return _kinematics(configuration).keypoints(*(torch.as_tensor(v) for v in (root, quats, angles))).numpy()


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.replace(",", " ").replace(";", " ").split())


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _numbers(name: str, frame: int, words: tuple[str, ...], columns: tuple[str, ...]) -> list[float]:
    if len(words) != len(columns):
        raise MotionError(f"{name}: frame {frame} has {len(words)} columns; the first has {len(columns)}")
    for column, word in zip(columns, words, strict=True):
        if not _is_number(word):
            raise MotionError(f"{name}: frame {frame}, {column} is '{word[:20]}'; expected a number")
    return [float(word) for word in words]
