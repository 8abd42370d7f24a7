"""Motions on disk, in whichever format: our npz, arrays of joints, archives of clips, BVH. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from tasks.motion import archives, arrays, bvh, store
from tasks.motion.foreign import Hints, frame_rate
from tasks.motion.motion import Motion, MotionError
from tasks.motion.opening import Arrays, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

FILES = (".npz", ".npy", ".bvh")
OTHER = f"expected {', '.join(FILES)}"
PICKLED = "it is a pickle, and nothing is unpickled here. Save its arrays as npz."
UNREAD = {
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth", ".p"), PICKLED),
    ".csv": "here a csv is a robot's motion. `crossbody retarget FILE --out FILE.npz` makes a motion of it.",
    **dict.fromkeys((".fbx", ".c3d", ".glb", ".gltf", ".trc", ".amc", ".asf", ".h5", ".hdf5", ".usd", ".usda"), OTHER),
}
"""Endings of files that may hold motions and are not read, with what to do about them."""

FORMATS = (
    "npz of this project, npz or npy of joint positions (frames, joints, 3), npz of SMPL's parameters, "
    "npz archives of ASAP or AMP clips, bvh"
)
NO_HINTS = Hints()
Read = dict[str, Motion | MotionError]


def read(file: Path, hints: Hints = NO_HINTS) -> Read:
    """Return name -> motion, or what is wrong with it. The name of an archive's clip is ``<file>/<clip>``."""
    name = file.stem
    try:
        if file.suffix.lower() == ".bvh":
            return {name: bvh.from_text(str(file), file.read_text(encoding="utf-8-sig"), hints)}
        loaded = opened(file)
        if not isinstance(loaded, Arrays):
            return {name: arrays.from_npy(str(file), loaded, hints)}
        if store.is_ours(loaded):
            return {name: _ours(str(file), loaded, hints)}
        if not any("/" in key for key in loaded):
            return {name: arrays.from_npz(str(file), loaded, hints)}
    except MotionError as error:
        return {name: error}
    except (OSError, UnicodeDecodeError) as error:
        return {name: MotionError(f"{file} cannot be read: {error}")}
    return {
        f"{name}/{clip}": _from_clip(f"{file}/{clip}", fields, hints) for clip, fields in archives.clips(loaded).items()
    }


def read_one(file: Path, hints: Hints = NO_HINTS) -> Motion:
    """Return the only motion of a file; MotionError when it is wrong or there are several."""
    found = read(file, hints)
    if len(found) != 1:
        raise MotionError(f"{file} holds {len(found)} motions, such as {next(iter(found))}; expected one")
    (motion,) = found.values()
    if isinstance(motion, MotionError):
        raise motion
    return motion


def read_folder(folder: Path, hints: Hints = NO_HINTS) -> Read:
    """Return the motions of a folder, sorted by name, and why other files that may be motions are none.

    None at all, or two of a name, raise CrossbodyError.
    """
    if not folder.is_dir():
        raise CrossbodyError(f"{folder} is not a folder; expected one that holds motions ({FORMATS})")
    found: Read = {}
    where: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.suffix.lower() not in FILES:
            continue
        for name, motion in read(file, hints).items():
            if name in found:
                raise CrossbodyError(
                    f"two motions in {folder} are called '{name}': {where[name].name} and {file.name}. Move one."
                )
            found[name], where[name] = motion, file
    others = unread(folder)
    if not found:
        more = f" {next(iter(others.values()))}" if others else ""
        raise CrossbodyError(f"{folder} has no motions; expected {FORMATS}.{more}")
    return dict(sorted({**found, **others}.items()))


def _ours(name: str, loaded: Arrays, hints: Hints) -> Motion:
    motion = store.from_arrays(name, loaded)
    frame_rate(name, motion.fps, hints)
    return motion


def _from_clip(name: str, fields: Mapping[str, np.ndarray], hints: Hints) -> Motion | MotionError:
    try:
        return archives.from_clip(name, fields, hints)
    except MotionError as error:
        return error


def load_arrays(file: Path) -> Arrays:
    """Return the arrays of an npz, each read when it is asked for; MotionError when it cannot be read, or is no npz."""
    loaded = opened(file)
    if not isinstance(loaded, Arrays):
        raise MotionError(f"{file} holds one array; expected an npz of several")
    return loaded


def unread(folder: Path) -> Read:
    """Return name -> why it is not read, for what lies in a folder and looks like a motion."""
    found: Read = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            count = sum(file.suffix.lower() in (*FILES, *UNREAD) for file in entry.rglob("*"))
            if count:
                found[f"{entry.name}/"] = MotionError(
                    f"{entry} is a folder with {count} motion file{'s' * (count > 1)}, and folders in a folder "
                    "are not read. Name it itself."
                )
        elif entry.suffix.lower() in UNREAD:
            found[entry.name] = MotionError(f"{entry} is not read: {UNREAD[entry.suffix.lower()]}")
    return found
