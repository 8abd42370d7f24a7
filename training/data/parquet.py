"""Parquet files as LeRobot has them: scalars, and vectors of a fixed length."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.runs import write_atomic
from training.data.layout import DataError


def write_table(file: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns (rows,) or (rows, width) as a Parquet file that is complete or absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: _arrow(values) for name, values in columns.items()}), sink)
    write_atomic(file, sink.getvalue().to_pybytes())


def read_table(file: Path) -> dict[str, np.ndarray]:
    """Return the columns of a Parquet file, (rows,) or (rows, width); a file that is absent or broken raises DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    return {name: _numpy(table[name]) for name in table.column_names}


def _arrow(values: np.ndarray) -> Any:
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


def _numpy(column: Any) -> np.ndarray:
    import pyarrow as pa

    array = column.combine_chunks()
    if not (
        pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type) or pa.types.is_large_list(array.type)
    ):
        return array.to_numpy(zero_copy_only=False)
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), -1)
