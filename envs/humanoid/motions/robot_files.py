"""Motions of robots as other programs write them: CSV rows of root and joints (LAFAN1's retargeted G1),
npz of mjlab and Isaac Lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.humanoid import robot as robots
from envs.humanoid.motions.headings import ROOT, by_names, layout, of_width
from tasks.motion import reading
from tasks.motion.foreign import Hints, check_place, frame_rate
from tasks.motion.motion import LARGEST_ANGLE_RAD, Motion, MotionError, check_radians, numbers
from tasks.motion.reading import NO_HINTS, Read

FILES = (".csv", *reading.FILES)
BEYOND_RAD = 0.35
"""How far outside its range a joint may be before the numbers must be something else."""
UPRIGHT = 0.5
SAME_PLACE_M = 0.02


def read(file: Path, hints: Hints = NO_HINTS, robot: str = "") -> Read:
    """Return name -> motion, or what is wrong, of a file of any format: those of ``tasks.motion.reading`` and robots'
    CSV and npz.

    ``robot`` names the configuration that a robot's file is of, where its width does not say; key points come from
    kinematics."""
    if file.suffix.lower() == ".csv":
        try:
            return {file.stem: from_csv(str(file), file.read_text(encoding="utf-8-sig"), hints, robot)}
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
    """Return the motions of a folder sorted by name, and why other files that may be motions are none.

    MotionError when there are none, or two of a name.
    """
    if not folder.is_dir():
        raise MotionError(f"{folder} is not a folder; expected one that holds motions")
    files = sorted(f for f in folder.glob("*") if f.suffix.lower() in FILES and not f.name.startswith("."))
    found: Read = {}
    for file in files:
        for name, motion in read(file, hints, robot).items():
            if name in found:
                raise MotionError(f"two motions in {folder} are called '{name}'. Move one.")
            found[name] = motion
    unread = {name: error for name, error in reading.unread(folder).items() if not name.endswith(".csv")}
    if not found:
        more = f". {next(iter(unread.values()))}" if unread else ""
        raise MotionError(f"{folder} has no motions; expected {reading.FORMATS}, csv or npz of a robot's joints{more}")
    return dict(sorted({**found, **unread}.items()))


def from_csv(name: str, text: str, hints: Hints, robot: str = "") -> Motion:
    """Return the motion of rows of root and joints in radians: ``x y z qx qy qz qw joints…``, or as the heading has
    them.

    Only the root's place has a unit, metres unless the hints say another.
    """
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    heading = _cells(lines[0]) if lines and not _is_number(_words(lines[0])[0]) else ()
    rows = lines[1:] if heading else lines
    if not rows:
        raise MotionError(f"{name}: it has no frames")
    width = len(_words(rows[0]))
    if heading and len(heading) != width:
        raise MotionError(f"{name}: its heading has {len(heading)} columns; the first frame has {width}")
    where = layout(name, width, heading, robot)
    columns = heading or (*ROOT, *where.names)
    values = np.array([_numbers(name, frame, _words(line), columns) for frame, line in enumerate(rows)])
    rate = frame_rate(name, None, hints, "; LAFAN1's retargeted files have 30")
    place = values[:, where.place] * (hints.metres_per_unit or 1.0)
    return made(
        name,
        Rows(place, values[:, where.turn], values[:, where.angles], where.names),
        where.robot,
        hints._replace(fps=rate),
    )


def from_npz(name: str, arrays: Mapping[str, np.ndarray], hints: Hints, robot: str = "") -> Motion:
    """Return the motion of mjlab's, Isaac Lab's or holosoma's arrays: joints and bodies by the names in the file.

    Without names, the order of the joints is found out from the bodies' places, of which there may be some only.
    """
    given = Given.of(name, arrays, hints)
    rate = frame_rate(name, arrays.get("fps"), hints)
    orders: list[tuple[str, ...]]
    if given.joints:
        configuration, own = by_names(name, given.joints, robot)
        orders = [own]
    else:
        configuration = of_width(name, 7 + given.angles.shape[1], robot)
        orders = [robots.load(configuration).joint_names, breadth_first(configuration)]
    root = given.root(robots.load(configuration).body_names[0])
    found = []
    for order in orders:
        try:
            motion = made(
                name,
                Rows(given.places[:, root], given.quats[:, root], given.angles, order),
                configuration,
                hints._replace(fps=rate),
            )
        except MotionError as error:
            found.append(error)
            continue
        found.append(_apart(motion, given, configuration, breadth=order is not orders[0]))
        if found[-1] < SAME_PLACE_M:
            return motion
    if all(isinstance(f, MotionError) for f in found):
        raise found[0]
    off = " and ".join("out of range" if isinstance(f, MotionError) else f"{1e3 * f:.0f} mm off" for f in found)
    which = "the file's own order" if given.joints else "neither order"
    raise MotionError(
        f"{name}: {which} of {configuration}'s "
        f"joints{'' if given.joints else ' (depth first as in MuJoCo, breadth first as in Isaac)'} puts the "
        f"bodies where body_pos_w has them: {off}. Is it another robot? Say which with `--robot`."
    )


@dataclass(frozen=True)
class Given:
    """What a robot's npz holds."""

    places: np.ndarray  # (T, B, 3) m
    quats: np.ndarray  # (T, B, 4) wxyz
    angles: np.ndarray  # (T, J) rad
    joints: tuple[str, ...]  # of the J joints; () where the file does not name them
    bodies: tuple[str, ...]  # of the B bodies; ()

    @staticmethod
    def of(name: str, arrays: Mapping[str, np.ndarray], hints: Hints) -> Given:
        """Return the arrays of one file; MotionError where their shapes do not fit."""
        angles, places, quats = (numbers(name, key, arrays[key]) for key in ("joint_pos", "body_pos_w", "body_quat_w"))
        frames = len(angles) if angles.ndim else 0
        if (
            angles.ndim != 2
            or places.ndim != 3
            or places.shape != (frames, places.shape[1], 3)
            or quats.shape != (*places.shape[:2], 4)
        ):
            raise MotionError(
                f"{name}: joint_pos is {angles.shape}, body_pos_w {places.shape}, body_quat_w {quats.shape}; "
                "expected (frames, joints), (frames, bodies, 3) and (frames, bodies, 4)"
            )
        joints, bodies = _named(arrays, ("joint_names", "dof_names")), _named(arrays, ("body_names", "link_names"))
        if bodies and len(bodies) != places.shape[1]:
            raise MotionError(f"{name}: it names {len(bodies)} bodies, and body_pos_w has {places.shape[1]}")
        if joints and angles.shape[1] not in (len(joints), 7 + len(joints)):
            raise MotionError(
                f"{name}: it names {len(joints)} joints, and joint_pos has {angles.shape[1]} columns; expected "
                "as many, or 7 of the root more"
            )
        if joints:
            angles = angles[
                :, -len(joints) :
            ]  # before them: the root's place and quaternion, which body_pos_w has, too
        return Given(places * (hints.metres_per_unit or 1.0), quats, angles, joints, bodies)

    def root(self, its: str) -> int:
        """Return which body is the robot's root: the first, unless the names say."""
        return self.bodies.index(its) if its in self.bodies else 0


def _named(arrays: Mapping[str, np.ndarray], keys: tuple[str, ...]) -> tuple[str, ...]:
    key = next((k for k in keys if k in arrays), None)
    try:
        values = np.ravel(arrays[key]) if key else np.array([], str)
    except MotionError:  # names as Python objects, which are not read: the bodies' places decide
        return ()
    return tuple(v.decode() if isinstance(v, bytes) else str(v) for v in values)


def is_robots(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays of an npz are a robot's, as mjlab and Isaac Lab write them."""
    return {"joint_pos", "body_pos_w", "body_quat_w"} <= arrays.keys()


class Rows(NamedTuple):
    """What a file says of every frame."""

    root: np.ndarray  # (T, 3) m
    quats: np.ndarray  # (T, 4) wxyz
    angles: np.ndarray  # (T, J) rad
    names: tuple[str, ...]  # of the J joints


def made(name: str, rows: Rows, robot: str, hints: Hints) -> Motion:
    """Return the motion of a robot's rows, ``hints.fps`` of them a second, with the key points of its kinematics.

    MotionError says what cannot be.
    """
    its, fps = robots.load(robot), hints.fps or float("nan")
    root, quats, angles = (np.asarray(values, dtype=float) for values in rows[:3])
    _check_root(name, root, quats)
    _check_angles(name, angles, rows.names, its)
    quats = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    ordered = its.angles(angles, rows.names, name)
    points = _keypoints(robot, root, quats, ordered)
    check_place(name, points, fps, hints)
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


def _apart(motion: Motion, given: Given, configuration: str, breadth: bool) -> float:
    """The mean distance in m of the bodies to where the file has them, over all frames.

    By names; else in order; else, where the file has some of the bodies only, each from the nearest one of the robot.
    """
    ours, _ = _bodies(configuration, motion.root_position, motion.root_quat_wxyz, motion.joint_angles)
    own = robots.load(configuration).body_names
    known = [(at, own.index(body)) for at, body in enumerate(given.bodies) if body in own]
    if known:
        theirs, mine = (list(columns) for columns in zip(*known, strict=True))
        return float(np.linalg.norm(ours[:, mine] - given.places[:, theirs], axis=-1).mean())
    if ours.shape[1] == given.places.shape[1]:
        ordered = ours[:, list(_by_depth(configuration))] if breadth else ours
        return float(np.linalg.norm(ordered - given.places, axis=-1).mean())
    between = np.stack(
        [np.linalg.norm(ours - given.places[:, [body]], axis=-1).mean(0) for body in range(given.places.shape[1])]
    )
    return float(between.min(axis=1).mean())


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
            f"{name}: the robot lies in most frames: its upward axis points "
            f"{np.rad2deg(np.arccos(np.clip(np.median(upright), -1, 1))):.0f} "
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
            f"{name}: frame {frame}, {names[joint]}: {angles[frame, joint]:.4g} rad is "
            f"{beyond[frame, joint]:.2g} rad outside the "
            f"joint's {low:.3g}..{high:.3g}. Are the columns in another order, or in degrees? Below "
            f"{LARGEST_ANGLE_RAD:.3g} degrees look like radians."
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


def _cells(line: str) -> tuple[str, ...]:
    """Return the words of a heading, in which a cell may be empty or hold a space."""
    separator = next((mark for mark in ",;\t" if mark in line), None)
    return tuple(cell.strip().strip("\"'") for cell in line.split(separator))


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
