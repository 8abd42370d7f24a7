"""The folder of a generation: one row and one file per clip, the truth beside it, and what made them.

manifest.json   what identifies the run, and the machine that began it
rows/NAME.json  one clip: its seed, its condition's channels, its digest or its error
pred/NAME.*     the clip: npy of uint8 frames (lossless), or npz of key points
ref/NAME.*      the true clip, where the conditions have one
texts.tsv       the text of each clip, where the conditions have one
pairs.jsonl     what ``judge`` reads
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossbody.contracts import Clip, ClipKind, digest
from crossbody.errors import CrossbodyError
from crossbody.runs import write_atomic

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
MOST_MESSAGE = 2000  # characters of an error that a row keeps
SUFFIX: Mapping[str, str] = {"video": ".npy", "motion": ".npz"}


class GenerationFolder:
    """Reads and writes the files of one generation. Every file is complete or absent."""

    def __init__(self, path: Path, kind: ClipKind):
        self.path, self.kind = path, kind

    def begin(self, identity: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Write the manifest, or go on with the same run; another run's folder raises CrossbodyError with what
        differs."""
        file = self.path / "manifest.json"
        plain = json.loads(json.dumps(dict(identity)))
        if file.exists():
            try:
                before = json.loads(file.read_text())["identity"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise CrossbodyError(f"{file} is no manifest of a generation ({error}). Give another --out.") from error
            differ = sorted(k for k in {*before, *plain} if before.get(k) != plain.get(k))
            if differ:
                lines = [f"{k}: was {before.get(k)}, is {plain.get(k)}" for k in differ]
                raise CrossbodyError(
                    f"{self.path} holds another generation:\n  " + "\n  ".join(lines) + "\nGive another --out."
                )
            return
        made = {
            "format": FORMAT,
            "kind": f"generate-{self.kind}",
            "identity": plain,
            "protocol_hash": digest(plain),
            **about,
        }
        self._write(file, json.dumps(made, indent=1).encode())

    def row(self, name: str) -> dict[str, Any] | None:
        """Return the row of a clip that is done and whose file is what the row says; None otherwise."""
        try:
            row = json.loads((self.path / "rows" / f"{name}.json").read_text())
            whole = row["status"] == "ok" and _digest(self.clip_file("pred", name)) == row["file_sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return row if whole else None

    def clip_file(self, side: str, name: str) -> Path:
        """Return the path of a generated (``pred``) or true (``ref``) clip."""
        return self.path / side / f"{name}{SUFFIX[self.kind]}"

    def write_clip(self, side: str, name: str, clip: Clip, text: str = "") -> str:
        """Write a clip and return the digest of its file."""
        content = _video_bytes(clip.values) if self.kind == "video" else _motion_bytes(name, clip, text)
        self._write(self.clip_file(side, name), content)
        return hashlib.sha256(content).hexdigest()

    def write_row(self, name: str, row: Mapping[str, Any]) -> None:
        """Write a clip's row; it comes last, so a row means that its files are there."""
        self._write(self.path / "rows" / f"{name}.json", json.dumps(dict(row), sort_keys=True).encode())

    def finish(self, names: Sequence[str]) -> None:
        """Write what ``score`` and ``judge`` read beside the clips that are done, whichever shards made them."""
        rows = {name: row for name in names if (row := self.row(name))}
        lines = [f"{name}\t{' '.join(row['text'].split())}\n" for name, row in rows.items() if row["text"]]
        if lines:
            self._write(self.path / "texts.tsv", "".join(lines).encode())
        pairs = [self._pair(name) for name in rows if self.kind == "video" and self.clip_file("ref", name).exists()]
        if pairs:
            self._write(self.path / "pairs.jsonl", "".join(json.dumps(p) + "\n" for p in pairs).encode())

    def _pair(self, name: str) -> dict[str, Any]:
        suffix = SUFFIX[self.kind]
        return {"id": name, "reference": f"ref/{name}{suffix}", "generated": f"pred/{name}{suffix}"}

    def _write(self, file: Path, content: bytes) -> None:
        try:
            write_atomic(file, content)
        except OSError as error:
            raise CrossbodyError(
                f"cannot write {file}: {error.strerror}. Nothing made is lost; free the disk and type the "
                "command again."
            ) from error


def check_clip(clip: Clip, kind: ClipKind, given: int) -> None:
    """Raise CrossbodyError unless a clip is what its kind says: uint8 (t, h, w, 3), or finite metres (t, 15, 3)."""
    values = clip.values
    good = values.ndim == 4 and values.shape[-1] == 3 and str(values.dtype) == "uint8"
    if kind == "motion":
        good = values.ndim == 3 and values.shape[1:] == (15, 3) and values.dtype.kind == "f"
    expected = "uint8 (frames, height, width, 3)" if kind == "video" else "floats (frames, 15, 3)"
    if not good:
        raise CrossbodyError(f"the generator gave {values.dtype} {values.shape}; expected {expected}")
    if len(values) < 2 or len(values) < given:
        raise CrossbodyError(f"the generator gave {len(values)} frames; a clip has at least {max(2, given)}")
    if kind == "motion":
        import numpy as np

        if not np.isfinite(values).all():
            raise CrossbodyError("the generator gave numbers that are not finite")
    if not clip.fps > 0:
        raise CrossbodyError(f"the generator gave a frame rate of {clip.fps}; expected frames per second above 0")


def printable(text: str) -> str:
    """Return a message that any file and terminal can take, and no longer than a row keeps."""
    return text.encode("utf-8", "replace").decode()[:MOST_MESSAGE]


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _video_bytes(frames: np.ndarray) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(frames), allow_pickle=False)
    return buffer.getvalue()


def _motion_bytes(name: str, clip: Clip, text: str) -> bytes:
    from tasks.motion.motion import Motion
    from tasks.motion.root import root_pose
    from tasks.motion.store import to_bytes

    keypoints = clip.values.astype(float)
    texts = (text,) if text else ()
    return to_bytes(Motion(name, keypoints, *root_pose(keypoints), clip.fps, texts, "generated", ""))
