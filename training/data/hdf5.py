"""HDF5 files, opened with a message that a user understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.data.layout import DataError


def opened(path: Path) -> Any:
    """Return the open file; one that is absent, foreign or cut short raises DataError."""
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path} is not an HDF5 file, or was cut short: {error}") from error
