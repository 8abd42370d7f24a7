"""Clips that are npy arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.clips.info import ClipError, ClipInfo, check_file, check_size

if TYPE_CHECKING:
    import numpy as np


def opened(path: Path) -> np.ndarray:
    """Return the array (t, h, w, 3) of a file, mapped and not yet read; ClipError when it is none."""
    import numpy as np

    check_file(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, OverflowError, MemoryError) as error:
        raise ClipError(f"{path} cannot be read as an array ({error})") from error
    if array.ndim != 4 or array.shape[-1] != 3 or not array.size:
        hint = " Move its channels last." if array.ndim == 4 and array.shape[1] == 3 else ""
        raise ClipError(f"{path} has the shape {array.shape}, expected (frames, height, width, 3).{hint}")
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise ClipError(f"{path} is {array.dtype}, expected uint8, or floats in [0, 1]")
    check_size(path, shape_of(array), array.dtype.itemsize)
    return array


def shape_of(array: np.ndarray) -> ClipInfo:
    """Return what a clip of this array is; an array does not say its rate."""
    t, height, width, _ = array.shape
    return ClipInfo(height, width, t, math.nan)


def values(path: Path) -> np.ndarray:
    """Return the frames (t, h, w, 3) of a file, uint8 or float32 in [0, 1]; ClipError when it has others."""
    import numpy as np

    array = opened(path)
    if array.dtype == np.uint8:
        return np.array(array)
    frames = np.array(array, np.float32)
    low, high = float(frames.min()), float(frames.max())
    if not (low >= 0 and high <= 1):  # also when one is NaN
        held = f"{array.dtype} from {low:g} to {high:g}" if np.isfinite(high - low) else "numbers that are not finite"
        raise ClipError(f"{path} holds {held}, expected uint8, or floats in [0, 1]")
    return frames
