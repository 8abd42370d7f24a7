"""Motions on disk, in whichever format: our npz, arrays of joints, archives of clips, BVH. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from tasks.motion import archives, arrays, bvh, store
from tasks.motion.foreign import Hints
from tasks.motion.motion import Motion, MotionError

if TYPE_CHECKING:
    import numpy as np

FILES = (".npz", ".npy", ".bvh")
BEGINNINGS = (b"PK", b"\x93NUMPY", b"\x80")
"""Of archives, of arrays, and of the pickles that arrays of objects are."""
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
            return {name: bvh.from_text(str(file), file.read_text(), hints)}
        loaded = _load(file)
        if not isinstance(loaded, dict):
            return {name: arrays.from_npy(str(file), loaded, hints)}
        if store.is_ours(loaded):
            return {name: store.from_arrays(str(file), loaded)}
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
    """Return the motions of a folder, sorted by name. None at all, or two of a name, raise CrossbodyError."""
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
    if not found:
        raise CrossbodyError(f"{folder} has no motions; expected {FORMATS}.")
    return dict(sorted(found.items()))


def _from_clip(name: str, fields: dict[str, np.ndarray], hints: Hints) -> Motion | MotionError:
    try:
        return archives.from_clip(name, fields, hints)
    except MotionError as error:
        return error


def load_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an npz; MotionError when it cannot be read without unpickling, or is no npz."""
    loaded = _load(file)
    if not isinstance(loaded, dict):
        raise MotionError(f"{file} holds one array; expected an npz of several")
    return loaded


def _load(file: Path) -> np.ndarray | dict[str, np.ndarray]:
    import zipfile

    import numpy as np

    try:
        with file.open("rb") as opened:
            begin = opened.read(6)
        if not begin.startswith(BEGINNINGS):
            raise MotionError(f"{file} is damaged, or not what its name says: it begins like no npy or npz")
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            raise MotionError(
                f"{file} holds Python objects, and nothing is unpickled here. Save its arrays: positions (frames, joints, 3)."
            ) from error
        raise MotionError(f"{file} cannot be read: {error}") from error
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise MotionError(f"{file} cannot be read: {error}. It is absent, cut off or of another kind.") from error
