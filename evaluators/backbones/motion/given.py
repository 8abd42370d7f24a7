"""Embeddings that the user computed with a network of his own, such as the official evaluator of HumanML3D."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionClip
from evaluators.subjects.motion_sets import NO_TEXTS
from evaluators.subjects.systems import PREDICTION, REAL

if TYPE_CHECKING:
    import numpy as np

SIDES = {PREDICTION: "pred", REAL: "ref"}


@dataclass(frozen=True, eq=False)
class Given:
    """Features by side and clip: ``pred``, ``ref`` and ``text``. Called by the file's name and versioned by its
    content."""

    name: str
    version: str
    rows: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    def motions(self, system: str, names: Sequence[str], clips: Sequence[MotionClip]) -> np.ndarray | Unknown:
        """Return the features (n, d) of the named clips; CrossbodyError when one is not in the file."""
        if system not in SIDES:
            return Unknown(f"{self.name} was computed elsewhere, and of clips that stand still there is none")
        return self._of(SIDES[system], names)

    def texts(self, names: Sequence[str], texts: Sequence[str]) -> np.ndarray | Unknown:
        """Return the features (n, d) of the named clips' texts."""
        return self._of("text", names) if self.rows["text"] else NO_TEXTS

    def _of(self, side: str, names: Sequence[str]) -> np.ndarray:
        import numpy as np

        rows = self.rows[side]
        absent = [name for name in names if name not in rows]
        if absent:
            raise CrossbodyError(
                f"the embeddings '{self.name}' have no {side} of '{absent[0]}'"
                + (f" and {len(absent) - 1} more" if len(absent) > 1 else "")
                + f"; they have {len(rows)} such as '{next(iter(rows), '')}'"
            )
        return np.stack([rows[name] for name in names])


def load(file: Path) -> Given:
    """Return the embeddings of an npz with ``pred`` (n, d) and ``pred_names``, ``ref`` and ``ref_names``, and perhaps
    of texts.

    The file's name becomes that of the embedding, in lower case and without anything but letters, digits and ``_``.
    """
    from tasks.motion.reading import load_arrays

    arrays = load_arrays(file)
    rows: dict[str, dict[str, np.ndarray]] = {"text": {}}
    widths = set()
    for side in ("pred", "ref", "text"):
        if side == "text" and side not in arrays:
            continue
        values, names = arrays.get(side), arrays.get(f"{side}_names")
        if values is None or names is None or values.ndim != 2 or names.shape != values.shape[:1]:
            came = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
            raise CrossbodyError(f"{file}: expected {side} (n, d) and {side}_names (n,); it has {came}")
        rows[side] = {str(name): row.astype(float) for name, row in zip(names, values, strict=True)}
        _check_finite(file, side, rows[side])
        widths.add(values.shape[1])
    if len(widths) > 1:
        raise CrossbodyError(
            f"{file}: embeddings have {' and '.join(map(str, sorted(widths)))} numbers; expected one width"
        )
    name = re.sub(r"\W+", "_", file.stem.lower())
    return Given(name, f"sha256 {hashlib.sha256(file.read_bytes()).hexdigest()[:12]}", rows)


def _check_finite(file: Path, side: str, rows: dict[str, np.ndarray]) -> None:
    import numpy as np

    for name, row in rows.items():
        if not np.isfinite(row).all():
            raise CrossbodyError(f"{file}: the {side} embedding of '{name}' is not finite")
