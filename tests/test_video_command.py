"""``crossbody score video`` end to end: rows, floors, files, and what it says when something is wrong."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crossbody.catalog import ROOT
from crossbody.main import main

FRAMES, SIDE = 10, 32


def clips(folder: Path, count: int, blur: bool = False, seed: int = 0) -> Path:
    """Write clips of a bright square that crosses a dark floor; blurred ones move at half the speed."""
    import cv2

    folder.mkdir(parents=True)
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        video = np.repeat(rng.integers(20, 90, (1, SIDE, SIDE, 3), np.uint8), FRAMES, axis=0)
        top, speed, colour = rng.integers(2, 20), 1 if blur else 2, rng.integers(120, 255, 3)
        for t, frame in enumerate(video):
            frame[top : top + 8, speed * t : speed * t + 8] = colour
            video[t] = cv2.GaussianBlur(frame, (3, 3), 1.0) if blur else frame
        np.save(folder / f"clip{i}.npy", video)
    return folder


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    return clips(tmp_path / "pred", 4, blur=True), clips(tmp_path / "ref", 4)


def score(pred: Path, ref: Path, out: Path, *more: str) -> int:
    return main(["score", "video", "--pred", str(pred), "--ref", str(ref), "--out", str(out), *more])


def table(out: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (out / "table.csv").open() as file:
        return {(row["system"], row["metric"]): row for row in csv.DictReader(file)}


def clip_rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "clips.jsonl").read_text().splitlines()]


def test_a_whole_score_has_every_metric_both_floors_and_what_made_it(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert score(*folders, out, "--fps", "10") == 0
    rows = table(out)
    metrics = {m for _, m in rows}
    assert metrics == {
        "psnr_db",
        "psnr_pooled_db",
        "ssim",
        "lpips_alex",
        "fvd",
        "epe_dis_px",
        "epe_dis_normalised",
        "epe_dis_moving_px",
    }
    assert {s for s, _ in rows} == {"prediction", "still", "real_vs_real"}
    for (system, metric), row in rows.items():
        assert row["n"] == ("2" if system == "real_vs_real" else "4"), (system, metric)
        assert (row["resolution"], row["frames"], row["fps"], row["align"]) == ("32x32", "10", "10", "")
        if row["low"]:
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    assert rows["prediction", "fvd"]["backbone_version"] == "sha256 af5c50f0df57"
    assert rows["prediction", "lpips_alex"]["backbone"] == "LPIPS v0.1 AlexNet"
    assert float(rows["still", "epe_dis_normalised"]["value"]) == pytest.approx(1.0)
    assert "two halves of 2: it has more bias than the rows of 4" in rows["real_vs_real", "fvd"]["note"]
    assert {p.name for p in out.iterdir()} == {
        "manifest.json",
        "clips.jsonl",
        "clips.csv",
        "clips.parquet",
        "table.jsonl",
        "table.csv",
        "table.parquet",
        "table.md",
    }
    printed, page = capsys.readouterr().out, (out / "table.md").read_text()
    for text in ("real_vs_real", "still", "fvd version 1, I3D Kinetics-400 RGB, sha256 af5c50f0df57"):
        assert text in printed and text in page
    _rows_explain_the_table(out)


def _rows_explain_the_table(out: Path) -> None:
    """A set's value is the weighted mean of its clips' rows."""
    for (system, metric), row in table(out).items():
        mine = [r for r in clip_rows(out) if (r["system"], r["metric"]) == (system, metric)]
        if mine:
            mean = np.average([r["value"] for r in mine], weights=[r["weight"] for r in mine])
            assert float(row["value"]) == pytest.approx(mean)


def test_workers_do_not_move_a_digit(folders, tmp_path):
    for workers in "13":
        assert (
            score(
                *folders, tmp_path / workers, "--workers", workers, "--metrics", "psnr_db", "lpips_alex", "epe_dis_px"
            )
            == 0
        )
    for name in ("table.csv", "clips.jsonl"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_real_clips_as_predictions_are_perfect(folders, tmp_path):
    ref = folders[1]
    assert score(ref, ref, tmp_path / "out", "--metrics", "psnr_db", "ssim", "epe_dis_px") == 0
    rows = table(tmp_path / "out")
    assert [float(rows["prediction", m]["value"]) for m in ("psnr_db", "ssim", "epe_dis_px")] == [100.0, 1.0, 0.0]
    assert float(rows["real_vs_real", "psnr_db"]["value"]) < 40


def test_given_frames_are_not_scored(folders, tmp_path):
    pred, ref = folders
    for file in pred.iterdir():  # what the model was given is copied into its prediction
        np.save(file, np.concatenate([np.load(ref / file.name)[:4], np.load(file)[4:]]))
    for given in "04":
        assert score(pred, ref, tmp_path / given, "--metrics", "psnr_db", "--given", given) == 0
    with_them, without = (float(table(tmp_path / g)["prediction", "psnr_db"]["value"]) for g in "04")
    assert with_them == pytest.approx((4 * 100 + 6 * without) / 10)
    assert {(r["frames"], r["given"]) for r in clip_rows(tmp_path / "4")} == {(6, 4)}


def test_an_alignment_stands_in_every_row(folders, tmp_path, capsys):
    pred, ref = folders
    for file in pred.iterdir():
        np.save(file, np.load(file)[:8, ::2, ::2])
    assert score(pred, ref, tmp_path / "none", "--metrics", "psnr_db") == 2
    assert (
        "the prediction is 16x16, 8 frames, unknown fps; the reference is 32x32, 10 frames" in capsys.readouterr().err
    )
    assert score(pred, ref, tmp_path / "out", "--metrics", "psnr_db", "--align", "size", "length") == 0
    assert {row["align"] for row in table(tmp_path / "out").values()} == {"length size"}
    done = {r["aligned"] for r in clip_rows(tmp_path / "out") if r["system"] == "prediction"}
    assert done == {"length 8 and 10 to 8; size 16x16 to 32x32"}


def test_a_damaged_clip_and_one_without_a_partner_are_missing_with_their_reasons(folders, tmp_path, capsys):
    pred, ref = folders
    (pred / "clip1.npy").write_bytes((pred / "clip1.npy").read_bytes()[:500])
    (pred / "clip2.npy").unlink()
    assert score(pred, ref, tmp_path / "out", "--metrics", "psnr_db") == 1
    row = table(tmp_path / "out")["prediction", "psnr_db"]
    assert (row["n"], row["missing"]) == ("2", "2") and "clip1.npy cannot be read as an array" in row["note"]
    assert row["note"].endswith("(and 1 more)")
    lost = {r["clip"]: r for r in clip_rows(tmp_path / "out") if r["reason"] and r["system"] == "prediction"}
    assert lost["clip2"]["reason"] == "there is no prediction named 'clip2'" and lost["clip2"]["value"] is None
    assert "2 missing" in capsys.readouterr().out


def test_one_clip_has_values_but_neither_intervals_nor_fvd(tmp_path):
    pred, ref = clips(tmp_path / "pred", 1, blur=True), clips(tmp_path / "ref", 1)
    assert score(pred, ref, tmp_path / "out", "--metrics", "psnr_db", "fvd") == 1  # it was named and has no value
    rows = table(tmp_path / "out")
    assert rows["prediction", "psnr_db"]["value"] and not rows["prediction", "psnr_db"]["low"]
    assert rows["prediction", "psnr_db"]["note"] == "one clip has no interval"
    assert not rows["prediction", "fvd"]["value"]
    assert rows["prediction", "fvd"]["note"] == "a covariance needs two clips on each side, and there is 1"
    assert rows["real_vs_real", "fvd"]["note"] == "it takes two real clips that have a prediction"


def test_clips_too_short_for_fvd_say_so(tmp_path):
    for name in ("pred", "ref"):
        for file in clips(tmp_path / name, 2).iterdir():
            np.save(file, np.load(file)[:9])
    assert score(tmp_path / "pred", tmp_path / "ref", tmp_path / "out", "--metrics", "fvd") == 1
    row = table(tmp_path / "out")["prediction", "fvd"]
    assert not row["value"] and row["note"] == "FVD needs 10 frames; 'clip0' has 9 (and 1 more)"


def test_absent_weights_leave_the_metric_missing_and_never_another_in_its_place(folders, tmp_path, monkeypatch):
    import dataclasses

    from evaluators.metrics.video_pair import lpips_alex

    absent = dataclasses.replace(lpips_alex.LPIPS_ALEX, package="no_such_package")
    monkeypatch.setattr(lpips_alex, "METRIC", dataclasses.replace(lpips_alex.METRIC, backbone=absent))
    assert score(*folders, tmp_path / "out", "--metrics", "psnr_db", "lpips_alex") == 1
    row = table(tmp_path / "out")["prediction", "lpips_alex"]
    assert not row["value"] and "the weights of LPIPS v0.1 AlexNet are not installed" in row["note"]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--metrics", "psnr"], "unknown video metric 'psnr'. Did you mean 'psnr_db'?"),
        (["--metrics", "success_kept"], "unknown video metric 'success_kept'"),
        (["--aling", "size"], "unknown option '--aling'. Did you mean '--align'?"),
        (["--given", "-1"], "--given is -1; it must be at least 0"),
        (["--given", "10", "--metrics", "psnr_db"], ""),
        (["--device", "cuda:99"], "--device cuda:99 cannot be used ("),
        (["--device", "toaster"], "--device toaster cannot be used ("),
    ],
)
def test_mistakes_are_told_in_a_sentence(folders, tmp_path, capsys, more, complaint):
    code = score(*folders, tmp_path / "out", *more)
    assert code == (2 if complaint else 1)
    assert complaint in capsys.readouterr().err


def test_results_are_never_written_over(folders, tmp_path, capsys):
    for code in (0, 2):
        assert score(*folders, tmp_path / "out", "--metrics", "psnr_db") == code
    assert "already holds results. Give another --out." in capsys.readouterr().err


def test_the_dispatcher_lists_its_kinds_and_refuses_others(capsys):
    assert main(["score"]) == 0
    assert "video" in capsys.readouterr().out
    assert main(["score", "vidoe"]) == 2
    assert "unknown score 'vidoe'. Did you mean 'video'?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["score", "--help"], ["score", "video", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    code = (
        f"import sys\nfrom crossbody.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print('HEAVY', [m for m in ('torch', 'cv2', 'av', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "HEAVY []" in done.stdout and "usage" in done.stdout


def test_every_command_of_the_page_is_accepted():
    import shlex

    import tyro

    from evaluators.scoring.video import Arguments

    page = (ROOT / "docs" / "metrics_video.md").read_text()
    shown = [
        line.split("score video ")[1] for line in page.splitlines() if line.startswith("uv run crossbody score video ")
    ]
    assert len(shown) > 3
    for arguments in shown:
        assert tyro.cli(Arguments, args=shlex.split(arguments)).pred == Path("predictions")


def test_the_page_has_every_metric():
    from evaluators.metric import metrics_of

    page = (ROOT / "docs" / "metrics_video.md").read_text()
    assert all(f"`{name}`" in page for name in metrics_of("video_pair") | metrics_of("video_sets"))


def test_the_jackknife_of_a_mean_is_student_s_interval():
    from scipy.stats import t

    from evaluators.scoring.jackknife import jackknife

    values = np.array([3.0, 5.0, 4.0, 8.0])
    found = jackknife(lambda i: float(values[i].mean()), 4, np.random.default_rng(0))
    reach = t.ppf(0.975, 3) * values.std(ddof=1) / 2  # sqrt(4) members
    assert (found.low, found.high) == (pytest.approx(5 - reach), pytest.approx(5 + reach))
    alone = jackknife(lambda i: float(values[i].mean()), 1, np.random.default_rng(0))
    assert alone.value == 3.0 and math.isnan(alone.low)


def test_the_jackknife_covers_a_ratio_of_means_at_its_level():
    from evaluators.scoring.jackknife import jackknife

    rng, hits, runs = np.random.default_rng(0), 0, 300
    for _ in range(runs):
        below = rng.gamma(4.0, size=30)
        above = 0.7 * below + rng.normal(0, 0.5, 30)
        found = jackknife(lambda i, a=above, b=below: float(a[i].sum() / b[i].sum()), 30, rng, groups=30)
        hits += found.low <= 0.7 <= found.high
    assert 0.91 <= hits / runs <= 0.985
