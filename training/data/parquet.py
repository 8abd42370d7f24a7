"""Parquet files as LeRobot has them: scalars, vectors and matrices of a fixed shape, texts, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crossbody.runs import write_atomic
from training.data.layout import DataError, Feature
from training.data.paths import regular

MAX_VALUES = 2**28  # in the columns that are read of one file: 2 GiB of float64
CELLS = 32  # rows of pictures that are in memory at a time
MAX_CELL_BYTES = 2**30
NUMBERS = {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
CARRIED = NUMBERS | {"bool", "string"}


@dataclass(frozen=True)
class Place:
    """Whose rows these are, for sentences."""

    file: Path
    episode: int

    def error(self, column: str, what: str, row: int | None = None) -> DataError:
        """Return the DataError that names file, column, row and episode."""
        where = f"episode {self.episode}" if row is None else f"row {row} of episode {self.episode}"
        return DataError(f"{self.file}: {column} {what} in {where}")


def write_table(file: Path, columns: Mapping[str, Any]) -> None:
    """Write columns, arrays (rows,) or (rows, width), lists or Arrow arrays,
    as a Parquet file that is complete or absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: _arrow(values) for name, values in columns.items()}), sink)
    write_atomic(file, sink.getvalue().to_pybytes())


def read_table(file: Path) -> dict[str, np.ndarray]:
    """Return the columns of a file that this wrote, (rows,) or (rows, width);
    one that is absent or broken raises DataError."""
    table = open_table(file)
    return {name: _numpy(table[name]) for name in table.column_names}


def open_table(file: Path, wanted: Sequence[str] | None = None) -> Any:
    """Return the wanted columns that a file has as an Arrow table; one that is absent,
    broken or huge raises DataError."""
    import pyarrow.parquet as pq

    with _told(file):
        with pq.ParquetFile(regular(file)) as source:
            names = source.schema_arrow.names
            if len(set(names)) < len(names):
                raise DataError(
                    f"{file} has two columns of one name: {', '.join(n for n in names if names.count(n) > 1)}"
                )
            chosen = [n for n in names if wanted is None or n in wanted]
            values = _values(source.metadata, set(chosen))
            if values > MAX_VALUES:
                raise DataError(f"{file} claims {values} values; this reads up to {MAX_VALUES} of one file")
            return source.read(columns=chosen)


def read_cells(file: Path, column: str, first: int, rows: int) -> Iterator[Any]:
    """Yield the cells of a column from one row on, few at a time in memory."""
    import pyarrow.parquet as pq

    with _told(file), pq.ParquetFile(regular(file)) as source:
        if column not in source.schema_arrow.names:
            raise DataError(f"{file} has no column {column}; it has {', '.join(source.schema_arrow.names)}")
        groups, before = _groups(source.metadata, first, rows)
        at = before
        for batch in source.iter_batches(CELLS, row_groups=groups, columns=[column]):
            if batch.nbytes > MAX_CELL_BYTES:
                raise DataError(
                    f"{file}: {column} has {batch.nbytes} bytes in {CELLS} rows; this reads up to {MAX_CELL_BYTES}"
                )
            for cell in batch.column(0)[max(first - at, 0) : max(first + rows - at, 0)]:
                yield cell.as_py()
            at += len(batch)


def numbers(values: Any, feature: Feature, column: str, place: Place) -> np.ndarray:
    """Return a column's rows as numbers (rows, width) of the feature's type.

    A null, another shape, text, or a number that is not finite or does not fit the type raises DataError.
    """
    leaf = _leaves(values, feature, column, place)
    if leaf.null_count:
        raise place.error(column, "has a null", _row(leaf.is_null(), feature))
    given = _to_numpy(leaf, column, place)
    with np.errstate(over="ignore", invalid="ignore"):
        found = given.astype(feature.dtype)
    wrong = ~np.isfinite(found) if found.dtype.kind == "f" else np.zeros(len(found), bool)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise place.error(column, f"has {given[row]}, which is not finite,", row // max(feature.width, 1))
    if (wrong := ~_same(given, found)).any():
        row = int(np.argmax(wrong))
        raise place.error(column, f"has {given[row]}, which is no {feature.dtype},", row // max(feature.width, 1))
    return found.reshape(-1, feature.width)


def carried(values: Any, feature: Feature, column: str, place: Place) -> Any:
    """Return a column's rows as an Arrow array of the feature's type and shape, with its nulls."""
    import pyarrow as pa

    leaf = _leaves(values, feature, column, place)
    kind = {"bool": pa.bool_(), "string": pa.string()}.get(feature.dtype) or pa.from_numpy_dtype(
        np.dtype(feature.dtype)
    )
    if pa.types.is_string(kind) != (pa.types.is_string(leaf.type) or pa.types.is_large_string(leaf.type)):
        if not pa.types.is_null(leaf.type):
            raise place.error(column, f"holds {leaf.type} values, info.json says {feature.dtype},")
    try:
        array = leaf.cast(kind, safe=not pa.types.is_floating(leaf.type) or not pa.types.is_floating(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise place.error(column, f"is no {feature.dtype} ({str(error).splitlines()[0][:80]})") from error
    if pa.types.is_floating(kind) and pa.types.is_floating(leaf.type):
        wrong = ~_same(*(x.to_numpy(zero_copy_only=False) for x in (leaf, array)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise place.error(column, f"has {leaf[row]}, which is no {feature.dtype},", row // max(feature.width, 1))
    for size in reversed(feature.shape if feature.width != 1 or len(feature.shape) > 1 else ()):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def _leaves(values: Any, feature: Feature, column: str, place: Place) -> Any:
    """Return the innermost values of a column of lists, after checking every list's length."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray):
        raise place.error(column, "is too large")
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    dims, width = _dims(array.type), 1
    shape = feature.shape if dims == len(feature.shape) else (feature.width,) if dims == 1 else ()
    if dims != len(shape) or (not dims and feature.width != 1):
        raise place.error(column, f"has lists {dims} deep where info.json says shape {list(feature.shape)}")
    for size in shape:
        lengths = pc.fill_null(pc.list_value_length(array), -1).to_numpy(zero_copy_only=False)
        if (wrong := lengths != size).any():
            at = int(np.argmax(wrong))
            what = "has a null" if lengths[at] < 0 else f"has {lengths[at]} values where info.json says {size}"
            raise place.error(column, what, at // width)
        array, width = array.flatten(), width * size
    return array


def _dims(kind: Any) -> int:
    import pyarrow as pa

    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return 1 + _dims(kind.value_type) if nested else 0


def _to_numpy(leaf: Any, column: str, place: Place) -> np.ndarray:
    import pyarrow as pa

    if not (pa.types.is_integer(leaf.type) or pa.types.is_floating(leaf.type) or pa.types.is_boolean(leaf.type)):
        raise place.error(column, f"holds {leaf.type} values, expected numbers,")
    return leaf.to_numpy(zero_copy_only=False)


def _same(given: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return which numbers are the same in another type: whole numbers to the last digit, fractions to about 7."""
    if given.dtype.kind == found.dtype.kind == "f":
        return np.isclose(found.astype(np.float64), given.astype(np.float64), rtol=1e-6, atol=1e-37, equal_nan=True)
    with np.errstate(invalid="ignore", over="ignore"):
        return (found.astype(given.dtype) == given) & np.isclose(found.astype(np.float64), given.astype(np.float64))


def _row(wrong: Any, feature: Feature) -> int:
    return int(np.argmax(wrong.to_numpy(zero_copy_only=False))) // max(feature.width, 1)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, MemoryError, OverflowError, UnicodeDecodeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{file} cannot be read: {said[:200]}") from error


def _values(metadata: Any, names: set[str]) -> int:
    """Count what the named columns of a file claim to hold."""
    total = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        columns = [rows.column(i) for i in range(rows.num_columns)]
        total += sum(c.num_values for c in columns if any(f"{c.path_in_schema}.".startswith(f"{n}.") for n in names))
    return total


def _groups(metadata: Any, first: int, rows: int) -> tuple[list[int], int]:
    """Return the row groups that hold a stretch of rows, and the row that the first of them begins with."""
    groups, at, before = [], 0, 0
    for group in range(metadata.num_row_groups):
        size = metadata.row_group(group).num_rows
        if at + size > first and at < first + rows:
            before = at if not groups else before
            groups.append(group)
        at += size
    return groups, before


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    if not isinstance(values, np.ndarray):
        return values
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


def _numpy(column: Any) -> np.ndarray:
    array = column.combine_chunks()
    if not _dims(array.type):
        return array.to_numpy(zero_copy_only=False)
    while _dims(array.type):
        length, array = len(column), array.flatten()
    return array.to_numpy(zero_copy_only=False).reshape(length, -1)
