"""The official evaluator of HumanML3D from the user's files, against numbers of the authors' code on the same made
weights."""

from __future__ import annotations

import csv
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from crossbody.errors import CrossbodyError
from crossbody.main import main
from evaluators.backbones import status
from evaluators.backbones.motion import t2m
from evaluators.metric import Unknown
from evaluators.scoring.motions.texts import read
from evaluators.subjects.motion_sets import NO_TEXTS
from tests import motions

VOCABULARY = (
    "sos",
    "eos",
    "unk",
    "a",
    "man",
    "walk",
    "forward",
    "slowly",
    "person",
    "with",
    "the",
    "left",
    "foot",
    "kick",
)
LINES = {
    "a": "a man walks forward slowly.#a/DET man/NOUN walk/VERB forward/ADV slowly/ADV#0.0#0.0",
    "b": "zyxq kicks#zyxq/NOUN kick/VERB with/ADP the/DET left/ADJ foot/NOUN#0.0#0.0",
    "c": "x#" + " ".join(["person/NOUN"] * 25) + "#0.0#0.0",
}
SIZES = {"a": (0, 57), "b": (1, 196), "c": (2, 210)}


pytestmark = pytest.mark.usefixtures("one_thread")


def wave(name: str, like: torch.Tensor) -> torch.Tensor:
    """Numbers that any program can make again: a fast sine whose phase is the sum of the name's letters."""
    i = torch.arange(like.numel(), dtype=torch.float64)
    size = (2 / like[0].numel()) ** 0.5 if like.ndim > 1 else 0.1
    return (size * 2**0.5 * torch.sin(0.37 * i * i + sum(map(ord, name)))).float().view(like.shape)


def features(seed: int, frames: int) -> np.ndarray:
    """HumanML3D's features of no real motion, but finite and of its size."""
    return np.sin(np.arange(frames)[:, None] * 0.1 * (1 + seed) + np.arange(263) * 0.7).astype(np.float32)


def parts() -> dict[str, dict[str, torch.Tensor]]:
    found: dict[str, dict[str, torch.Tensor]] = {}
    with torch.device("meta"):
        shapes = t2m.Evaluator().state_dict()
    for name, value in shapes.items():
        part, _, rest = name.partition(".")
        found.setdefault(part, {})[rest] = wave(rest, value)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """text-to-motion's files as they lie on the disk: a checkpoint with its optimiser, statistics, vectors,
    pickled words."""
    root = tmp_path_factory.mktemp("t2m")
    for file in t2m.FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
    optimiser = {"state": {0: {"step": torch.tensor(5.0)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    torch.save(parts() | {"opt_text_encoder": optimiser, "epoch": 3, "iter": 5}, root / t2m.WEIGHTS)
    np.save(root / t2m.MEAN, np.linspace(-0.2, 0.3, 263))
    np.save(root / t2m.STD, np.linspace(0.5, 1.5, 263))
    rows = np.arange(len(VOCABULARY))[:, None]
    np.save(root / t2m.VECTORS, np.sin(rows * 0.3 + np.arange(300) * 0.9).astype(np.float32))
    (root / t2m.INDEX).write_bytes(pickle.dumps({w: i for i, w in enumerate(VOCABULARY)}))
    return root


@pytest.fixture(scope="module")
def official(folder, tmp_path_factory) -> t2m.Official:
    clips = tmp_path_factory.mktemp("clips")
    return t2m.load(folder, clips, clips)


@pytest.fixture
def clips(tmp_path) -> Path:
    (tmp_path / "clips").mkdir()
    for name, size in SIZES.items():
        np.save(tmp_path / "clips" / f"{name}.npy", features(*size))
    return tmp_path / "clips"


def test_motions_are_where_the_authors_code_puts_them(folder, clips):
    # Of a motion of 57 frames 56 count, padded to 196 before the convolutions; of one of 210, the first 196.
    points = t2m.load(folder, clips, clips).motions("prediction", list(SIZES), [])
    assert isinstance(points, np.ndarray) and points.shape == (3, 512)
    assert points[:, 0] == pytest.approx([-2.36697, -2.35158, -2.29971], abs=1e-4)
    assert points[:, 2] == pytest.approx([-0.05657, 0.00907, 0.10015], abs=1e-4)
    assert points[:, 511] == pytest.approx([0.26102, 0.22898, 0.20207], abs=1e-4)


def test_texts_are_where_the_authors_code_puts_them(folder, clips):
    # Unknown words are 'unk' of the class OTHER, listed words have their list's class, and 20 words count.
    points = t2m.load(folder, clips, clips).texts(list(LINES), list(LINES.values()))
    assert isinstance(points, np.ndarray)
    assert points[:, 0] == pytest.approx([-1.73390, -1.58223, -1.67734], abs=1e-4)
    assert points[:, 2] == pytest.approx([-0.18894, -0.15676, -0.10050], abs=1e-4)


def test_one_motion_s_point_does_not_depend_on_the_others(folder, clips):
    official = t2m.load(folder, clips, clips)
    together, alone = official.motions("real_vs_real", ["a", "b"], []), official.motions("real_vs_real", ["a"], [])
    assert isinstance(together, np.ndarray) and np.allclose(together[0], alone, atol=1e-5)


def test_a_body_that_stands_still_has_its_first_pose_and_no_velocity(folder, clips):
    official = t2m.load(folder, clips, clips)
    frozen = features(0, 57)[:1].repeat(57, 0)
    frozen[:, [0, 1, 2]] = 0
    frozen[:, 193:259] = 0
    np.save(clips / "frozen.npy", frozen)
    still, expected = official.motions("still", ["a"], []), official.motions("prediction", ["frozen"], [])
    assert np.allclose(np.asarray(still), np.asarray(expected), atol=1e-6)


def test_what_it_cannot_read_is_missing_with_its_reason(folder, clips):
    official = t2m.load(folder, clips, clips)
    np.save(clips / "joints.npy", np.zeros((40, 22, 3)))
    np.save(clips / "short.npy", features(0, 3))
    for name, reason in (
        ("joints", "joints.npy of (frames, 263), and it is (40, 22, 3)"),
        ("absent", "absent.npy of (frames, 263), and there is none"),
        ("short", "needs 4 frames; 'short' has 3"),
    ):
        found = official.motions("prediction", ["a", name], [])
        assert isinstance(found, Unknown) and reason in found.reason
    plain = official.texts(["a", "b"], [LINES["a"], "a man walks"])
    assert isinstance(plain, Unknown) and "the text of 'b' has no word classes (walk/VERB)" in plain.reason
    assert official.texts(["a"], [""]) == NO_TEXTS


def harm(folder: Path, file: str, content: bytes) -> str:
    kept = (folder / file).read_bytes()
    (folder / file).write_bytes(content)
    try:
        with pytest.raises(CrossbodyError) as caught:
            t2m.load(folder, folder, folder)
    finally:
        (folder / file).write_bytes(kept)
    return str(caught.value)


def saved(held: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(held, buffer)
    return buffer.getvalue()


def test_files_that_are_something_else_are_refused(folder, tmp_path):
    with pytest.raises(CrossbodyError, match=r"lacks checkpoints/t2m/text_mot_match/model/finest.tar, .*glove/our_vab"):
        t2m.load(tmp_path, tmp_path, tmp_path)
    assert "finest.tar is no file of PyTorch tensors alone" in harm(folder, t2m.WEIGHTS, b"tar")
    assert "it is not text-to-motion's text_mot_match" in harm(folder, t2m.WEIGHTS, saved({"model": {}}))
    wrong = torch.load(folder / t2m.WEIGHTS, weights_only=True)
    wrong["movement_encoder"]["main.0.weight"] = torch.zeros(512, 247, 4)  # KIT's, of 251 features
    said = harm(folder, t2m.WEIGHTS, saved(wrong))
    assert "movement_encoder.main.0.weight is (512, 247, 4), expected (512, 259, 4)" in said
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(251))
    assert "mean.npy is (251,); expected (263,)" in harm(folder, t2m.MEAN, buffer.getvalue())
    assert "lacks 'unk'" in harm(folder, t2m.INDEX, pickle.dumps({"a": 1}))
    assert "points beyond its 14 rows" in harm(folder, t2m.INDEX, pickle.dumps({"unk": 14}))
    assert "mentions builtins.print" in harm(folder, t2m.INDEX, pickle.dumps(print))


def test_doctor_says_whether_it_is_there(folder, tmp_path, monkeypatch):
    def line() -> tuple[bool, str]:
        return next((ok, text) for subject, ok, text, _ in status.findings() if subject == "HumanML3D evaluator")

    monkeypatch.delenv(t2m.VARIABLE, raising=False)
    assert line() == (True, "absent (optional); `--t2m DIR` or CROSSBODY_T2M names text-to-motion's folder")
    monkeypatch.setenv(t2m.VARIABLE, str(folder))
    assert line()[0] and "sha256" in line()[1]
    monkeypatch.setenv(t2m.VARIABLE, str(tmp_path))
    assert not line()[0] and "lacks checkpoints" in line()[1]


def test_a_folder_of_texts_gives_the_line_about_the_whole_motion(tmp_path):
    (tmp_path / "000001.txt").write_text(
        "he turns#he/PRON turn/VERB#2.0#4.5\n" + LINES["a"] + "\nanother#x/DET#0.0#0.0\n"
    )
    (tmp_path / "000002.txt").write_text("\n")
    assert read(tmp_path) == {"000001": LINES["a"]}
    (tmp_path / "empty").mkdir()
    with pytest.raises(CrossbodyError, match="has no texts; expected a file <clip>.txt"):
        read(tmp_path / "empty")


def test_the_command_prints_the_official_metrics_beside_the_others(folder, tmp_path):
    from tests import motions

    for side, noise in (("pred", 0.02), ("ref", 0.0)):
        (tmp_path / side).mkdir()
        for i in range(33):
            found = humanml3d_features(motions.keypoints(motions.KINDS[i % 3], 24, seed=i))
            found[:, 4:67] += np.random.default_rng(i).normal(0, noise, (len(found), 63))
            np.save(tmp_path / side / f"{i:06d}.npy", found)
    (tmp_path / "texts").mkdir()
    for i in range(33):
        (tmp_path / "texts" / f"{i:06d}.txt").write_text(LINES["ab"[i % 2]] + "\n")
    given = ["--pred", str(tmp_path / "pred"), "--ref", str(tmp_path / "ref"), "--text", str(tmp_path / "texts")]
    chosen = ["--metrics", "fid", "fid_halves", "r_precision_top3", "mm_dist"]
    assert main(["score", "motion", *given, *chosen, "--t2m", str(folder), "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "table.csv").open() as file:
        rows = {(r["system"], r["metric"]): r for r in csv.DictReader(file)}
    assert float(rows["prediction", "fid_t2m"]["value"]) > 0
    assert float(rows["real_vs_real", "fid_halves_t2m"]["value"]) >= 0
    assert 0 <= float(rows["real_vs_real", "r_precision_top3_t2m"]["value"]) <= 1
    assert float(rows["still", "mm_dist_t2m"]["value"]) > 0
    assert rows["prediction", "fid_t2m"]["embedding_version"].startswith("sha256 ")


def test_sets_that_it_cannot_read_are_missing_rows_and_no_success(folder, tmp_path, capsys):
    for side in ("pred", "ref"):
        (tmp_path / side).mkdir()
        for i in range(4):
            np.save(tmp_path / side / f"m{i}.npy", motions.keypoints(seed=i))
    command = ["score", "motion", "--pred", str(tmp_path / "pred"), "--ref", str(tmp_path / "ref"), "--fps", "20"]
    assert main([*command, "--metrics", "fid", "--out", str(tmp_path / "plain")]) == 0
    assert main([*command, "--metrics", "fid", "--out", str(tmp_path / "out"), "--t2m", str(folder)]) == 1
    with (tmp_path / "out" / "table.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if (r["system"], r["metric"]) == ("prediction", "fid_t2m"))
    assert (row["value"], row["n"], row["missing"]) == ("", "0", "4")
    assert (
        row["note"]
        == "the official evaluator reads HumanML3D's features: m0.npy of (frames, 263), and it is (40, 15, 3)"
    )
    assert "4 missing" in capsys.readouterr().out


def humanml3d_features(points: np.ndarray) -> np.ndarray:
    """Features of key points (frames, 15, 3), z up: places and heights only, as a body that never turns or travels."""
    from tests.motions import smpl, y_up

    joints = smpl(y_up(points))
    found = np.zeros((len(points), 263), np.float32)
    found[:, 3] = joints[:, 0, 1]
    found[:, 4:67] = (joints[:, 1:] - joints[:, :1] * [1, 0, 1]).reshape(len(points), -1)
    return found
