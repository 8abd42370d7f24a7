"""The procedural set as one small file: key points at 20 frames a second in whole millimetres, captions, kinds and
seeds.

A pack travels to a machine that has no simulator, and a language model is trained from it in minutes.
"""

from __future__ import annotations

import io
import lzma
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from crossbody.extras import cache_folder
from crossbody.runs import write_atomic
from envs.humanoid.motions import library
from tasks.motion.rate import at_20_fps

if TYPE_CHECKING:
    import numpy as np

UNIT_M = 1e-3
FORMAT = 1
COLUMNS = 45
REMEDY = "`uv run crossbody motions pack --clips 300 --out motions.npz` makes one"


@dataclass(frozen=True, eq=False)
class Clip:
    """One motion of the pack."""

    kind: str
    seed: int
    points: np.ndarray  # (T, 15, 3) m, 20 a second
    texts: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.seed:04d}"

    @property
    def held_out(self) -> bool:
        """Whether the seed is one that nothing is trained on; kinds are all trained by models of language."""
        return self.seed % library.HELD_OUT_EVERY == library.HELD_OUT_EVERY - 1


def pack(clips_per_kind: int, seen: Callable[[Sequence[int]], Iterable[int]] = iter) -> list[Clip]:
    """Return clips of all kinds with seeds below a number. Each seed's are kept in the cache, so that a stopped run
    goes on.

    ``seen`` wraps the seeds, for a bar that shows how far it is.
    """
    return [clip for seed in seen(range(clips_per_kind)) for clip in _of_seed(seed)]


def write(clips: Sequence[Clip], file: Path) -> None:
    """Write a pack: differences along time in millimetres, joint by joint, which compress to an eighth."""
    import numpy as np

    steps = [np.diff(np.rint(c.points / UNIT_M), axis=0, prepend=0).astype("<i2").reshape(-1, COLUMNS) for c in clips]
    planes = np.concatenate(steps).T.copy().view(np.uint8).reshape(COLUMNS, -1, 2).transpose(2, 0, 1)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        format=np.array(FORMAT),
        version=np.array(library.VERSION),
        robot=np.array(library.ROBOT),
        kinds=np.array([c.kind for c in clips]),
        seeds=np.array([c.seed for c in clips]),
        lengths=np.array([len(c.points) for c in clips]),
        texts=_squeezed("\n\n".join("\n".join(c.texts) for c in clips).encode()),
        steps=_squeezed(planes.tobytes()),
    )
    write_atomic(file, buffer.getvalue())


def read(file: Path, below: int | None = None) -> list[Clip]:
    """Return the clips of a pack, or those of seeds below a number;
    CrossbodyError for a file that is absent or something else."""
    import zipfile

    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as stored:
            if int(stored["format"]) != FORMAT:
                raise CrossbodyError(
                    f"{file} is a pack of format {int(stored['format'])}; this version reads {FORMAT}."
                )
            planes = np.frombuffer(lzma.decompress(stored["steps"].tobytes()), np.uint8).reshape(2, COLUMNS, -1)
            steps = np.ascontiguousarray(planes.transpose(1, 2, 0)).view("<i2")[..., 0].T
            texts = lzma.decompress(stored["texts"].tobytes()).decode().split("\n\n")
            points = np.split(steps, np.cumsum(stored["lengths"])[:-1])
            head = zip(stored["kinds"].tolist(), stored["seeds"].tolist(), texts, points, strict=True)
            chosen = [row for row in head if below is None or row[1] < below]
            return [Clip(k, s, _places(p), tuple(t.split("\n"))) for k, s, t, p in chosen]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise CrossbodyError(f"{file} is no pack of motions: {error}. {REMEDY}.") from error


def _places(steps: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.cumsum(steps, 0, dtype=np.int32).reshape(len(steps), -1, 3) * UNIT_M


def _squeezed(content: bytes) -> np.ndarray:
    import numpy as np

    return np.frombuffer(lzma.compress(content, preset=6), np.uint8)


def _of_seed(seed: int) -> list[Clip]:
    file = cache_folder() / "motions" / f"packed-{library.VERSION}" / library.ROBOT / f"{seed:04d}.npz"
    if not file.exists():
        write([_made(kind, seed) for kind in library.KINDS], file)
    return read(file)


def _made(kind: str, seed: int) -> Clip:
    motion = library.make(kind, seed)
    return Clip(kind, seed, at_20_fps(motion.keypoints, motion.fps), motion.texts)
