"""The official evaluator of HumanML3D (text-to-motion, Guo et al. 2022), where the user has its files."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from crossbody.errors import CrossbodyError
from evaluators.backbones import checkpoint
from evaluators.backbones.motion.networks import FRAMES_PER_CODE, Movement, Recurrent, padded
from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionClip
from evaluators.subjects.motion_sets import NO_TEXTS
from evaluators.subjects.systems import PREDICTION, REAL, STILL
from tasks.motion import humanml3d

if TYPE_CHECKING:
    import numpy as np

VARIABLE = "CROSSBODY_T2M"
WEIGHTS = "checkpoints/t2m/text_mot_match/model/finest.tar"
MEAN, STD = "checkpoints/t2m/Comp_v6_KLD01/meta/mean.npy", "checkpoints/t2m/Comp_v6_KLD01/meta/std.npy"
VECTORS, INDEX = "glove/our_vab_data.npy", "glove/our_vab_idx.pkl"
FILES = (WEIGHTS, MEAN, STD, VECTORS, INDEX)
CONTACTS = 4
FEATURES = humanml3d.WIDTH - CONTACTS
VELOCITIES = (slice(0, 3), slice(FEATURES - 3 * humanml3d.JOINTS, FEATURES))
"""Columns that are 0 in a body that stands still: the root's rates, and the joints' velocities."""

WORD, WORDS, BATCH = 300, 20, 32
TABLE = tomllib.loads(Path(__file__).with_name("t2m_words.toml").read_text())
CLASSES: list[str] = TABLE["classes"]
CLASS_OF: dict[str, str] = {word: name for name, words in TABLE["words"].items() for word in words}


class TaggedText(Recurrent):
    """Words with their classes."""

    def __init__(self) -> None:
        super().__init__(WORD, 512, 512)
        self.pos_emb = nn.Linear(len(CLASSES), WORD)

    def told(self, words: Tensor, classes: Tensor, lengths: Tensor) -> Tensor:
        """Return points (n, 512) of word vectors (n, L, 300) and one-hot classes (n, L, 15)."""
        return self(words + self.pos_emb(classes), lengths)


class Evaluator(nn.Module):
    """The three networks, under the names that they have in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.movement_encoder = Movement(FEATURES, 512, 512)
        self.motion_encoder = Recurrent(512, 1024, 512)
        self.text_encoder = TaggedText()


@dataclass(frozen=True, eq=False)
class Official:
    """The embedding through the official networks, of motions in HumanML3D's features,
    as they lie in the two folders."""

    network: Evaluator
    version: str
    scale: tuple[np.ndarray, np.ndarray]  # mean and deviation of the features
    vectors: Mapping[str, np.ndarray]  # word -> (300,)
    folders: Mapping[str, Path]  # system -> where its npy files are
    name: str = "t2m"

    @torch.inference_mode()
    def motions(self, system: str, names: Sequence[str], clips: Sequence[MotionClip]) -> np.ndarray | Unknown:
        """Return features (n, 512); Unknown where a motion is no npy of (frames, 263)."""
        found = []
        for name in names:
            features = self._features(system, name)
            if isinstance(features, Unknown):
                return features
            found.append(torch.from_numpy(features))
        parts = [self._points(found[i : i + BATCH]) for i in range(0, len(found), BATCH)]
        return torch.cat(parts).double().numpy()

    @torch.inference_mode()
    def texts(self, names: Sequence[str], texts: Sequence[str]) -> np.ndarray | Unknown:
        """Return features (n, 512) of HumanML3D's lines ``a man walks#a/DET man/NOUN walk/VERB#0.0#0.0``."""
        if not any(texts):
            return NO_TEXTS
        for name, text in zip(names, texts, strict=True):
            if not tokens(text):
                return Unknown(
                    f"the text of '{name}' has no word classes (walk/VERB), which the official evaluator reads: "
                    "`--text` takes HumanML3D's folder of texts, or its lines"
                )
        parts = [self._told([tokens(t) for t in texts[i : i + BATCH]]) for i in range(0, len(texts), BATCH)]
        return torch.cat(parts).double().numpy()

    def _features(self, system: str, name: str) -> np.ndarray | Unknown:
        """Return the features (frames, 259) of a motion, less their mean, over their deviation."""
        import numpy as np

        file = self.folders[system] / f"{name}.npy"
        found = np.load(file, allow_pickle=False) if file.is_file() else None
        if found is None or found.ndim != 2 or found.shape[1] != humanml3d.WIDTH:
            came = "there is none" if found is None else f"it is {found.shape}"
            return Unknown(
                f"the official evaluator reads HumanML3D's features: {file.name} of (frames, 263), and {came}"
            )
        if len(found) < FRAMES_PER_CODE:
            return Unknown(f"the official evaluator needs {FRAMES_PER_CODE} frames; '{name}' has {len(found)}")
        used = found[:, :FEATURES].astype(np.float32)
        if system == STILL:
            used = np.repeat(used[:1], len(used), axis=0)
            for columns in VELOCITIES:
                used[:, columns] = 0
        mean, std = self.scale
        return (used - mean[:FEATURES]) / std[:FEATURES]

    def _points(self, features: Sequence[Tensor]) -> Tensor:
        batch, codes = padded(features)
        return self.network.motion_encoder(self.network.movement_encoder(batch), codes)

    def _told(self, told: Sequence[Sequence[tuple[str, str]]]) -> Tensor:
        import numpy as np

        lengths = torch.tensor([len(t) for t in told])
        words = torch.zeros(len(told), int(lengths.max()), WORD)
        classes = torch.zeros(len(told), int(lengths.max()), len(CLASSES))
        for row, sentence in enumerate(told):
            for place, (word, tag) in enumerate(sentence):
                known = word in self.vectors
                words[row, place] = torch.from_numpy(np.asarray(self.vectors[word if known else "unk"]))
                classes[row, place, CLASSES.index(class_of(word, tag) if known else "OTHER")] = 1
        return self.network.text_encoder.told(words, classes, lengths)


def tokens(text: str) -> list[tuple[str, str]]:
    """Return the words and tags of a line of HumanML3D, at most 20, between marks of begin and end;
    [] where there are none."""
    _, _, rest = text.partition("#")
    found = [token.rpartition("/") for token in rest.partition("#")[0].split() if "/" in token]
    tagged = [(word, tag) for word, _, tag in found[:WORDS]]
    return [("sos", "OTHER"), *tagged, ("eos", "OTHER")] if tagged else []


def class_of(word: str, tag: str) -> str:
    """Return the class that the evaluator gives to a word that it knows."""
    named = CLASS_OF.get(word, tag)
    return named if named in CLASSES else "OTHER"


def given(folder: Path | None) -> Path | None:
    """Return the folder that was named, or that of the environment variable, or None."""
    return folder or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)


def load(folder: Path, pred: Path, ref: Path) -> Official:
    """Return the evaluator of a folder of text-to-motion's files; CrossbodyError with what is missing or wrong."""
    absent = [file for file in FILES if not (folder / file).is_file()]
    if absent:
        raise CrossbodyError(
            f"{folder} lacks {', '.join(absent)}. Expected text-to-motion's repository with its checkpoints unpacked; "
            "leave out --t2m to score without the official evaluator."
        )
    scale = tuple(_array(folder / name, (humanml3d.WIDTH,)) for name in (MEAN, STD))
    if not (scale[1] > 0).all():
        raise CrossbodyError(f"{folder / STD} has a deviation that is not above 0")
    vectors = _array(folder / VECTORS, (-1, WORD))
    words = {w: vectors[i] for w, i in _index(folder / INDEX, len(vectors)).items()}
    network, digest = _network(folder / WEIGHTS)
    marks = hashlib.sha256(b"".join((folder / name).read_bytes() for name in (MEAN, STD, VECTORS, INDEX))).hexdigest()
    version = f"sha256 {digest[:12]}, mean, deviation and words {marks[:12]}"
    return Official(network, version, (scale[0], scale[1]), words, {PREDICTION: pred, REAL: ref, STILL: ref})


def _network(file: Path) -> tuple[Evaluator, str]:
    held, digest = checkpoint.read(file)
    with torch.device("meta"):  # the file's tensors take the place of all that would be drawn
        network = Evaluator()
    wanted = network.state_dict()
    parts = [name for name, _ in network.named_children()]
    if not isinstance(held, dict) or not all(isinstance(held.get(part), dict) for part in parts):
        raise CrossbodyError(f"{file} holds no {', '.join(parts)}: it is not text-to-motion's text_mot_match")
    found = {f"{part}.{name}": value for part in parts for name, value in held[part].items()}
    checkpoint.check_tensors(file, found, wanted, "text-to-motion's text_mot_match of HumanML3D")
    network.load_state_dict(found, assign=True)
    return network.eval().requires_grad_(False), digest


def _array(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    try:
        found = np.load(file, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise CrossbodyError(f"{file} cannot be read as an array: {error}") from error
    if found.ndim != len(shape) or any(w not in (-1, f) for w, f in zip(shape, found.shape, strict=True)):
        raise CrossbodyError(f"{file} is {found.shape}; expected {shape}".replace("-1", "n"))
    if not np.isfinite(found).all():
        raise CrossbodyError(f"{file} has numbers that are not finite")
    return found


def _index(file: Path, size: int) -> dict[str, int]:
    """Return word -> row of the vectors. The file is a pickle; one that mentions any function or class is refused."""
    try:
        found = _PlainOnly(io.BytesIO(file.read_bytes())).load()
    except Exception as error:  # a broken stream raises nearly anything
        raise CrossbodyError(f"{file} cannot be read as words and numbers alone: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(w, str) and type(i) is int for w, i in found.items()):
        raise CrossbodyError(f"{file} holds something else than words and numbers")
    if "unk" not in found or not all(0 <= i < size for i in found.values()):
        raise CrossbodyError(f"{file} does not belong to {VECTORS}: it lacks 'unk', or points beyond its {size} rows")
    return found


class _PlainOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        raise pickle.UnpicklingError(f"it mentions {module}.{name}")
