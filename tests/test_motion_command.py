"""``crossbody score motion`` end to end: rows, floors, files, and what it says when something is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from crossbody.catalog import ROOT
from crossbody.main import main
from evaluators.backbones.motion.kinematic import features, turned
from evaluators.metric import metrics_of
from evaluators.scoring.motion import SUBJECTS
from evaluators.subjects.motion import MotionClip
from tasks.motion.arrays import from_positions
from tests import motions

COUNT = 36


def noisy(kind: str, seed: int, mm: float) -> np.ndarray:
    points = motions.keypoints(kind, seed=seed)
    return points + np.random.default_rng(seed).normal(0, mm / 1000, points.shape)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """Clips of three kinds, and predictions of them that jitter by 5 mm an axis."""
    root = tmp_path_factory.mktemp("motions")
    for side, mm in (("pred", 5), ("ref", 0)):
        clips = {f"{kind}{i:02d}": noisy(kind, i, mm) for i in range(COUNT // 3) for kind in motions.KINDS}
        motions.folder(root / side, {name: from_positions(name, points, 20.0) for name, points in clips.items()})
    lines = [f"{name}\ta person does a {name[:-2]}" for name in clips]
    (root / "texts.tsv").write_text("\n".join(lines) + "\n")
    return root / "pred", root / "ref"


def score(pred: Path, ref: Path, out: Path, *more: str) -> int:
    return main(["score", "motion", "--pred", str(pred), "--ref", str(ref), "--out", str(out), *more])


def table(out: Path, weighting: str = "frames") -> dict[tuple[str, str], dict[str, str]]:
    with (out / "table.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["weighting"] in ("", weighting)]
    return {(row["system"], row["metric"]): row for row in rows}


def number(out: Path, metric: str, system: str = "prediction") -> float:
    return float(table(out)[system, metric]["value"])


def said(capsys, *arguments: str) -> str:
    assert main(["score", "motion", *arguments]) == 2
    return capsys.readouterr().err


def one(folder: Path, **clips: np.ndarray) -> Path:
    """Write clips as npy of key points."""
    folder.mkdir()
    for name, points in clips.items():
        np.save(folder / f"{name}.npy", points)
    return folder


def test_a_whole_score_has_every_metric_both_floors_and_what_made_it(folders, tmp_path, capsys):
    out, texts = tmp_path / "out", folders[0].parent / "texts.tsv"
    assert score(*folders, out, "--text", str(texts)) == 0
    rows = table(out)
    of_texts = {"r_precision_top1", "r_precision_top2", "r_precision_top3", "mm_dist"}
    sets = {f"{m}_kinematic" for m in (metrics_of("motion_sets") | metrics_of("motion_draws")).keys() - of_texts}
    sets |= {f"{m}_matcher" for m in metrics_of("motion_sets") | metrics_of("motion_draws")}
    assert {m for _, m in rows} == metrics_of("motion_pair").keys() | metrics_of("motion").keys() | sets
    assert {s for s, _ in rows} == {"prediction", "still", "real_vs_real"}
    assert {(r["frames"], r["fps"], r["align"]) for r in rows.values()} == {("40", "20", "")}
    for row in rows.values():
        if row["low"]:
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    assert number(out, "mpjpe_global_mm") == pytest.approx(5 * 1.596, rel=0.01)
    assert number(out, "vel_err_mm_s") == pytest.approx(20 * number(out, "vel_err_mm_frame"))
    assert number(out, "acc_err_mm_s2") == pytest.approx(400 * number(out, "acc_err_mm_frame2"))
    assert rows["prediction", "diversity_kinematic"]["replications"] == "20"
    assert (
        rows["real_vs_real", "fid_kinematic"]["value"] == ""
        and "0 by definition" in rows["real_vs_real", "fid_kinematic"]["note"]
    )
    assert rows["real_vs_real", "fid_halves_kinematic"]["note"] == "18 clips against 18 others"
    assert number(out, "multimodality_kinematic", "real_vs_real") > 0
    files = {f"{name}.{kind}" for name in ("clips", "table") for kind in ("jsonl", "csv", "parquet")}
    assert {p.name for p in out.iterdir()} == files | {"table.md", "manifest.json"}
    printed, page = capsys.readouterr().out, (out / "table.md").read_text()
    assert 0.03 < number(out, "r_precision_top3_matcher", "real_vs_real") <= 1
    assert number(out, "fid_matcher") > 0 and rows["still", "fid_matcher"]["embedding"] == "matcher"
    for text in ("embedding matcher: sha256", "fid_kinematic version 1", "36 predicted and 36 real motions"):
        assert text in printed and text in page
    assert "mpjpe_global_mm, by clip" in page and "by clip ↓" not in printed


def test_real_motions_as_predictions_are_perfect_and_their_halves_are_the_null(folders, tmp_path):
    assert score(folders[1], folders[1], tmp_path / "out") == 0
    out = tmp_path / "out"
    errors = [m for m in metrics_of("motion_pair")]
    assert [round(number(out, m), 9) for m in errors] == [0] * len(errors)
    assert number(out, "fid_kinematic") == pytest.approx(0, abs=1e-9)
    assert number(out, "fid_halves_kinematic") == number(out, "fid_halves_kinematic", "real_vs_real") > 0
    assert number(out, "mpjpe_global_mm", "still") > 50


def test_a_score_is_the_same_every_time_and_moves_with_the_seed(folders, tmp_path):
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert score(*folders, tmp_path / name, "--seed", seed, "--metrics", "diversity", "mpjpe_root_mm") == 0
    a, b, c = ((tmp_path / name / "table.csv").read_text() for name in "abc")
    assert a == b != c
    assert number(tmp_path / "a", "mpjpe_root_mm") == number(tmp_path / "c", "mpjpe_root_mm")


def test_means_over_frames_and_over_clips_are_told_apart(tmp_path):
    short, long = motions.keypoints(frames=5), motions.keypoints(frames=40)
    ref = one(tmp_path / "ref", a=short, b=long)
    pred = one(tmp_path / "pred", a=short + [0.009, 0, 0], b=long)
    assert score(pred, ref, tmp_path / "out", "--fps", "20", "--metrics", "mpjpe_global_mm", "vel_err_mm_frame") == 0
    by_frame, by_clip = (
        table(tmp_path / "out", w)["prediction", "mpjpe_global_mm"]["value"] for w in ("frames", "clips")
    )
    assert (float(by_frame), float(by_clip)) == pytest.approx((9 * 5 / 45, 4.5))


def embeddings(folders: tuple[Path, Path], file: Path, with_texts: bool = True) -> Path:
    """Write embeddings in which a motion and its text are one random vector."""
    names = sorted(p.stem for p in folders[1].iterdir())
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(names), 6)).astype(np.float32)
    arrays = {"pred": vectors + 0.1, "pred_names": np.array(names), "ref": vectors, "ref_names": np.array(names)}
    texts = {"text": vectors, "text_names": np.array(names)}
    np.savez(file, **arrays, **(texts if with_texts else {}))
    return file


def test_embeddings_of_another_network_get_columns_of_their_own(folders, tmp_path):
    file = embeddings(folders, tmp_path / "Official-512.npz")
    sets = ("fid", "diversity", "mm_dist", "r_precision_top1", "r_precision_top3")
    assert score(*folders, tmp_path / "out", "--embeddings", str(file), "--metrics", *sets) == 0
    rows, out = table(tmp_path / "out"), tmp_path / "out"
    assert {m for _, m in rows} == {f"{m}_official_512" for m in sets} | {
        f"{m}_{through}" for m in ("fid", "diversity") for through in ("kinematic", "matcher")
    }
    assert number(out, "fid_official_512") == pytest.approx(6 * 0.01, rel=1e-4)
    assert number(out, "r_precision_top1_official_512") == 1
    assert number(out, "mm_dist_official_512") == pytest.approx(0.1 * 6**0.5, rel=1e-4)
    assert number(out, "mm_dist_official_512", "real_vs_real") == 0
    assert rows["prediction", "fid_official_512"]["embedding_version"].startswith("sha256 ")
    assert "of clips that stand still there is none" in rows["still", "fid_official_512"]["note"]


def test_wrong_embeddings_are_refused(folders, tmp_path, capsys):
    arguments = ("--pred", str(folders[0]), "--ref", str(folders[1]), "--out", str(tmp_path / "out"), "--embeddings")
    file = embeddings(folders, tmp_path / "e.npz")
    with np.load(file) as loaded:
        arrays = dict(loaded)
    for change, expected in (
        ({"pred_names": arrays["pred_names"][:-1]}, "expected pred (n, d) and pred_names (n,); it has pred (36, 6)"),
        ({"pred": arrays["pred"][:-1], "pred_names": arrays["pred_names"][:-1]}, "have no pred of 'wave11'"),
        ({"text": arrays["text"][:, :3]}, "embeddings have 3 and 6 numbers; expected one width"),
        ({"ref": arrays["ref"] * np.nan}, "the ref embedding of 'squat00' is not finite"),
    ):
        np.savez(file, **(arrays | change))
        assert expected in said(capsys, *arguments, str(file))
    assert "cannot be read" in said(capsys, *arguments, str(tmp_path / "absent.npz"))


def test_metrics_of_texts_alone_need_texts(folders, tmp_path, capsys):
    text = said(capsys, "--pred", str(folders[0]), "--ref", str(folders[1]), "--metrics", "mm_dist")
    assert "mm_dist: it needs texts of the motions. Give them with --text" in text
    assert score(*folders, tmp_path / "out", "--metrics", "fid", "mm_dist") == 0
    assert "R-precision and MM-Dist are left out: it needs" in capsys.readouterr().out


def test_two_lengths_are_refused_with_both_or_cut_which_stands_in_every_row(tmp_path, capsys):
    ref = one(tmp_path / "ref", a=motions.keypoints(), b=motions.keypoints(seed=1))
    pred = one(tmp_path / "pred", a=motions.keypoints()[:30], b=motions.keypoints(seed=1))
    paths = ("--pred", str(pred), "--ref", str(ref), "--fps", "20")
    text = said(capsys, *paths)
    assert "'a' differ in length: the prediction has 30 frames and the reference 40" in text
    assert "`--align length`" in text and "`--unpaired`" in text
    assert score(pred, ref, tmp_path / "out", "--fps", "20", "--align", "length") == 0
    assert number(tmp_path / "out", "mpjpe_global_mm") == 0
    assert {row["align"] for row in table(tmp_path / "out").values()} == {"length"}
    clips = [json.loads(line) for line in (tmp_path / "out" / "clips.jsonl").read_text().splitlines()]
    assert {c["aligned"] for c in clips if (c["clip"], c["against"], c["system"]) == ("a", "a", "prediction")} == {
        "length 30 and 40 to 30"
    }


def test_two_frame_rates_are_refused_with_both(tmp_path, capsys):
    motions.folder(tmp_path / "pred", {"a": motions.motion(fps=30.0)})
    motions.folder(tmp_path / "ref", {"a": motions.motion(fps=20.0)})
    text = said(capsys, "--pred", str(tmp_path / "pred"), "--ref", str(tmp_path / "ref"))
    assert "the reference 'a' has 20 fps and the prediction 'a' 30" in text


def test_a_motion_without_a_partner_or_with_a_nan_is_missing_with_its_reason(tmp_path, capsys):
    bad = motions.keypoints(seed=2)
    bad[4, 11] = np.nan
    good = {"a": motions.keypoints(), "b": motions.keypoints(seed=1)}
    ref = one(tmp_path / "ref", **good, c=motions.keypoints(seed=2), d=motions.keypoints(seed=3))
    pred = one(tmp_path / "pred", **good, c=bad)
    assert score(pred, ref, tmp_path / "out", "--fps", "20") == 1
    row = table(tmp_path / "out")["prediction", "mpjpe_global_mm"]
    assert (row["n"], row["missing"], row["value"]) == ("2", "2", "0.0")
    clips = [json.loads(line) for line in (tmp_path / "out" / "clips.jsonl").read_text().splitlines()]
    reasons = {c["clip"]: c["reason"] for c in clips if c["system"] == "prediction"}
    assert reasons["c"].endswith("c.npy: frame 4, left_elbow: x is nan; expected metres")
    assert reasons["d"] == "there is no prediction named 'd'"
    assert all(c["value"] is None for c in clips if c["reason"])


@pytest.mark.parametrize(("side", "system"), [("pred", "prediction"), ("ref", "real_vs_real")])
def test_a_motion_of_a_set_that_cannot_be_read_is_missing_from_the_sets_rows(tmp_path, side, system):
    clips = {f"m{i}": motions.keypoints(seed=i) for i in range(5)}
    folders = {name: one(tmp_path / name, **clips) for name in ("pred", "ref")}
    np.save(folders[side] / "m3.npy", np.full((40, 15, 3), np.nan))
    options = ("--fps", "20", "--unpaired", "--metrics", "diversity")
    assert score(folders["pred"], folders["ref"], tmp_path / "out", *options) == 1
    row = table(tmp_path / "out")[system, "diversity_kinematic"]
    assert (row["n"], row["missing"]) == ("4", "1")
    assert row["note"].endswith("m3.npy: frame 0, pelvis: x is nan; expected metres")


def test_a_metric_that_is_named_and_says_nothing_is_no_success(tmp_path):
    pred, ref = one(tmp_path / "pred", a=motions.keypoints()), one(tmp_path / "ref", a=motions.keypoints())
    assert score(pred, ref, tmp_path / "named", "--fps", "20", "--metrics", "fid") == 1
    assert score(pred, ref, tmp_path / "known", "--fps", "20", "--metrics", "mpjpe_pa_mm") == 0


def test_sets_of_other_names_and_numbers_can_be_compared_as_sets(tmp_path, capsys):
    ref = one(tmp_path / "ref", **{f"r{i}": motions.keypoints(seed=i) for i in range(9)})
    pred = one(tmp_path / "pred", **{f"p{i}": motions.keypoints(frames=30, seed=20 + i) for i in range(6)})
    paths = ("--pred", str(pred), "--ref", str(ref), "--fps", "20")
    assert "6 such as 'p0' against 9 such as 'r0'" in said(capsys, *paths)
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps({f"p{i}": [f"walk {i // 2}", "another"] for i in range(6)}))
    assert score(pred, ref, tmp_path / "out", "--fps", "20", "--unpaired", "--text", str(texts)) == 0
    rows = table(tmp_path / "out")
    assert not {m for _, m in rows} & metrics_of("motion_pair").keys()
    assert rows["prediction", "fid_kinematic"]["n"] == "6"
    assert rows["prediction", "fid_halves_kinematic"]["note"] == "3 clips against 3 others"
    assert number(tmp_path / "out", "multimodality_kinematic") > 0
    assert rows["real_vs_real", "multimodality_kinematic"]["note"] == "no text has two motions"
    text = said(capsys, *paths, "--unpaired", "--metrics", "mpjpe_pa_mm")
    assert "mpjpe_pa_mm compares a prediction with its own reference, and --unpaired says there is none" in text


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.tsv", "walk00 walks", "line 1: expected '<clip><tab><text>', came 'walk00 walks'"),
        ("t.tsv", "", "has no text; expected lines"),
        ("t.tsv", "elsewhere\tx", "names no motion of either folder: it has 1 texts, such as of 'elsewhere'"),
        ("t.json", "{", "is no JSON"),
        ("t.json", "[1]", "holds a list; expected an object of clip to text"),
        ("t.json", '{"walk00": 3}', "the text of 'walk00' is 3; expected a text or a list of texts"),
    ],
)
def test_wrong_texts_are_refused(folders, tmp_path, capsys, name, content, expected):
    (tmp_path / name).write_text(content)
    arguments = ("--pred", str(folders[0]), "--ref", str(folders[1]), "--text", str(tmp_path / name))
    assert expected in said(capsys, *arguments)


def test_options_that_make_no_sense_are_refused(folders, tmp_path, capsys):
    paths = ("--pred", str(folders[0]), "--ref", str(folders[1]))
    assert "unknown motion metric 'mpjpe'. Did you mean 'mpjpe_" in said(capsys, *paths, "--metrics", "mpjpe")
    assert "--fps is 0; it must be above 0" in said(capsys, *paths, "--fps", "0")
    assert "--metres-per-unit is -1; it must be above 0" in said(capsys, *paths, "--metres-per-unit", "-1")
    (tmp_path / "manifest.json").write_text("{}")
    assert "already holds results" in said(capsys, *paths, "--out", str(tmp_path))
    assert "is not a folder" in said(capsys, "--pred", str(tmp_path / "absent"), "--ref", str(folders[1]))


def test_one_clip_has_values_and_no_interval(tmp_path):
    ref, pred = one(tmp_path / "ref", a=motions.keypoints()), one(tmp_path / "pred", a=noisy("walk", 0, 5))
    assert score(pred, ref, tmp_path / "out", "--fps", "20") == 0
    rows = table(tmp_path / "out")
    assert (rows["prediction", "mpjpe_global_mm"]["low"], rows["prediction", "mpjpe_global_mm"]["note"]) == (
        "",
        "one clip has no interval",
    )
    assert "needs two clips" in rows["prediction", "fid_kinematic"]["note"]


def test_kinematic_features_see_neither_place_nor_direction_but_the_motion():
    points = motions.keypoints()
    moved = turned(points, np.full(len(points), 2.0)) + [5.0, -3.0, 0.0]
    np.testing.assert_allclose(features(MotionClip(points, 20.0)), features(MotionClip(moved, 20.0)), atol=1e-9)
    assert features(MotionClip(points, 20.0)).shape == (91,)
    other = features(MotionClip(motions.keypoints("squat"), 20.0))
    assert np.linalg.norm(features(MotionClip(points, 20.0)) - other) > 0.5
    forwards = features(MotionClip(points, 20.0))[43:46]
    np.testing.assert_allclose(forwards[1:], 0, atol=1e-9)
    assert 0.5 <= forwards[0] <= 1.5, "it walks along x, where it faces"


def test_the_page_describes_every_motion_metric():
    page = (ROOT / "docs" / "metrics_motion.md").read_text()
    assert all(f"`{name}`" in page for subject in SUBJECTS for name in metrics_of(subject))
