"""Which columns of a LeRobot set are parts, cameras, annotations or extras: by ``modality.json``,
else by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from training.data import jsons
from training.data.layout import DEFAULT_COLUMNS, SECTIONS, DataError, Feature, Layout, Part, check_names
from training.data.lerobot import COUNTERS, PICTURES, Info
from training.data.parquet import CARRIED, NUMBERS
from training.data.paths import file_of, present

PREFIXES = {"observation": "state", "state": "state", "states": "state", "action": "action", "actions": "action"}
MODALITY = "meta/modality.json"
KNOWN = (*SECTIONS, "video", "annotation")


def read_layout(info: Info, tasks: Mapping[int, str], remarks: list[str]) -> Layout:
    """Return the layout of ``meta/modality.json``, or of the features where there is none.

    Everything that a set has is a part, a camera, an annotation or an extra; what is not gets a sentence in
    ``remarks``."""
    check_names(info.features, info.file)
    if present(info.root, MODALITY):
        modality = jsons.read_json(file_of(info.root, MODALITY))
        parts, cameras, languages = _declared(info, modality, remarks)
    else:
        parts, cameras, languages = _by_name(info)
    check_names([*parts, *cameras, *languages], info.root / MODALITY)
    languages = languages if tasks else {}
    taken = {*COUNTERS, *languages.values(), *cameras.values(), *(p.column for p in parts.values())}
    extras = {name: feature for name, feature in info.features.items() if name not in taken}
    for name in [n for n, f in extras.items() if f.dtype not in CARRIED or not f.width]:
        remarks.append(
            f"column {name} is left out: its type {extras[name].dtype} {list(extras[name].shape)} has no place here"
        )
        del extras[name]
    if not parts:
        raise DataError(
            f"{info.file} names no state and no action among {', '.join(info.features) or 'no columns'}; "
            f"say which columns are which in {info.root / MODALITY}"
        )
    texts = tuple(tasks.get(number, "") for number in range(max(tasks, default=-1) + 1))
    columns = {part.column: info.features[part.column].names for part in parts.values()}
    names = {column: said for column, said in columns.items() if said}
    return Layout(info.embodiment, info.fps, parts, cameras, languages, info.picture_every, extras, names, texts)


def _by_name(info: Info) -> tuple[dict[str, Part], dict[str, str], dict[str, str]]:
    parts: dict[str, Part] = {}
    cameras: dict[str, str] = {}
    languages: dict[str, str] = {}
    for name, feature in info.features.items():
        if name in COUNTERS:
            continue
        if feature.dtype in PICTURES:
            _add(cameras, f"video.{name.removeprefix('observation.').removeprefix('images.')}", f"video.{name}", name)
        elif name.startswith("annotation.") and _is_number(feature):
            languages[name] = name
        elif (section := PREFIXES.get(name.partition(".")[0])) and _is_vector(feature):
            key = name.partition(".")[2]
            key = key.removeprefix("state.") if key != "state" else ""
            _add(parts, f"{section}.{key or 'all'}", f"{section}.{name}", Part(name, 0, feature.width, feature.dtype))
    return parts, cameras, languages


def _add(found: dict[str, Any], name: str, other: str, value: Any) -> None:
    """Enter a value under its short name, or under its whole name where the short one is taken."""
    found[other if name in found else name] = value


def _declared(
    info: Info, modality: Mapping[str, Any], remarks: list[str]
) -> tuple[dict[str, Part], dict[str, str], dict[str, str]]:
    parts = {f"{s}.{key}": _part(info, s, key, entry) for s in SECTIONS for key, entry in _entries(info, modality, s)}
    cameras = {f"video.{key}": _camera(info, key, entry) for key, entry in _entries(info, modality, "video")}
    languages = {}
    for key, entry in _entries(info, modality, "annotation"):
        column = _original(info, "annotation", key, entry, f"annotation.{key}")
        feature = info.features.get(column)
        if feature is None:
            remarks.append(f"modality.json names annotation.{key}, but info.json has no column {column}")
        elif _is_number(feature):
            languages[f"annotation.{key}"] = column
        else:
            remarks.append(
                f"annotation.{key} is no number of a task but {feature.dtype}; it is kept as the column {column}"
            )
    for section in modality:
        if section not in KNOWN:
            remarks.append(f"the section {section!r} of modality.json is left out; its columns are carried")
    for column, feature in info.features.items():
        if feature.dtype in PICTURES and column not in cameras.values():
            name = column.removeprefix("observation.").removeprefix("images.")
            _add(cameras, f"video.{name}", f"video.{column}", column)
            remarks.append(f"modality.json does not name the camera {column}; it is kept as video.{name}")
    return {**parts, **_unnamed(info, parts, remarks)}, cameras, languages


def _unnamed(info: Info, parts: Mapping[str, Part], remarks: list[str]) -> dict[str, Part]:
    """Return parts for the stretches of columns that modality.json leaves unnamed, each with a sentence."""
    found = {}
    for column in {p.column: None for p in parts.values()}:
        mine = [(name, part) for name, part in parts.items() if part.column == column]
        section = mine[0][0].partition(".")[0]
        for start, end in _gaps(info.features[column].width, [part for _, part in mine]):
            name = (
                f"{section}.unnamed_{start}_{end}"
                if column == DEFAULT_COLUMNS.get(section)
                else f"{section}.{column}_{start}_{end}"
            )
            found[name] = Part(column, start, end, info.features[column].dtype)
            remarks.append(f"modality.json does not name {start}:{end} of {column}; it is kept as {name}")
    return found


def _gaps(width: int, parts: list[Part]) -> Iterator[tuple[int, int]]:
    at = 0
    for part in sorted(parts, key=lambda p: p.start):
        if part.start > at:
            yield at, part.start
        at = max(at, part.end)
    if at < width:
        yield at, width


def _entries(info: Info, modality: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    found = modality.get(section)
    if found is None:
        return []
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise DataError(f"{info.root / MODALITY}: {section} is no object of objects")
    return list(found.items())


def _part(info: Info, section: str, key: str, entry: dict[str, Any]) -> Part:
    where = f"{info.root / MODALITY}: {section}.{key}"
    column = _original(info, section, key, entry, DEFAULT_COLUMNS.get(section))
    start, end = (jsons.field(entry, bound, jsons.whole, "a whole number", where) for bound in ("start", "end"))
    feature = info.features.get(column)
    if feature is None or feature.dtype not in NUMBERS:
        what = "is absent" if feature is None else f"holds {feature.dtype}"
        raise DataError(f"{where} lies in the column {column}, which {what}; info.json has {', '.join(info.features)}")
    if not start < end <= feature.width:
        raise DataError(
            f"{info.root}: modality.json puts {section}.{key} at {start}:{end} of {column}, which has "
            f"{feature.width} columns"
        )
    about = {k: v for k, v in entry.items() if k not in ("start", "end", "original_key")}
    return Part(column, start, end, feature.dtype, about)


def _camera(info: Info, key: str, entry: dict[str, Any]) -> str:
    column = _original(info, "video", key, entry, f"observation.images.{key}")
    feature = info.features.get(column)
    if feature is None or feature.dtype not in PICTURES:
        raise DataError(
            f"{info.root / MODALITY}: video.{key} is the column {column[:80]!r}, which info.json does not have "
            "as video or image"
        )
    return column


def _original(info: Info, section: str, key: str, entry: dict[str, Any], default: str | None) -> str:
    column = entry.get("original_key") or default
    if not jsons.is_text(column):
        raise DataError(
            f"{info.root / MODALITY}: original_key of {section}.{key} is {str(column)[:60]!r}, expected a column"
        )
    return str(column)


def _is_number(feature: Feature) -> bool:
    return "int" in feature.dtype and feature.width == 1


def _is_vector(feature: Feature) -> bool:
    return feature.dtype in NUMBERS and len(feature.shape) < 2 and feature.width > 0
