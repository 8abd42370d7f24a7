"""Which text belongs to which motion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from crossbody.errors import CrossbodyError
from tasks.motion.motion import Motion

WHOLE = (["0.0", "0.0"], ["nan", "nan"], ["0", "0"])
"""Begin and end, in seconds, of what a line of HumanML3D tells, where it tells the whole motion."""


def texts_of(file: Path | None, preds: Mapping[str, Motion], refs: Mapping[str, Motion]) -> dict[str, str]:
    """Return clip -> text: of the file, else the first one that the reference has, else the prediction."""
    own = {name: m.texts[0] for motions in (preds, refs) for name, m in motions.items() if m.texts}
    if file is None:
        return own
    given = read(file)
    if not given.keys() & (preds.keys() | refs.keys()):
        raise CrossbodyError(
            f"{file} names no motion of either folder: it has {len(given)} texts, such as of '{next(iter(given))}'"
        )
    return own | given


def read(file: Path) -> dict[str, str]:
    """Return clip -> text of a JSON object (a text or a list whose first counts), of lines ``<clip><tab><text>``, or of
    a folder with a file for each clip, as HumanML3D has it: its first line about the whole motion counts.
    """
    if file.is_dir():
        return _from_folder(file)
    try:
        content = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CrossbodyError(f"{file} cannot be read: {error}") from error
    found = dict(_from_json(file, content) if file.suffix == ".json" else _from_lines(file, content))
    if not found:
        raise CrossbodyError(
            f"{file} has no text; expected lines '<clip><tab><text>', or a JSON object of clip to text"
        )
    return found


def _from_folder(folder: Path) -> dict[str, str]:
    found = {}
    for file in sorted(folder.glob("*.txt")):
        lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
        whole = [line for line in lines if line.count("#") < 3 or line.split("#")[2:4] in WHOLE]
        if whole:
            found[file.stem] = whole[0]
    if not found:
        raise CrossbodyError(f"{folder} has no texts; expected a file <clip>.txt for each motion")
    return found


def _from_json(file: Path, content: str) -> Iterable[tuple[str, str]]:
    try:
        loaded = json.loads(content)
    except ValueError as error:
        raise CrossbodyError(f"{file} is no JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise CrossbodyError(f"{file} holds a {type(loaded).__name__}; expected an object of clip to text")
    for name, text in loaded.items():
        first = text[0] if isinstance(text, list) and text else text
        if not isinstance(first, str):
            raise CrossbodyError(
                f"{file}: the text of '{name}' is {json.dumps(text)[:40]}; expected a text or a list of texts"
            )
        yield name, first


def _from_lines(file: Path, content: str) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        if not tab or not text.strip():
            raise CrossbodyError(f"{file}, line {number}: expected '<clip><tab><text>', came '{line[:60]}'")
        yield name.strip(), text.strip()
