"""Videos as people have them: turned, cut by stream copy, of uneven rate, of other kinds,
beside files that are no clips."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from crossbody.errors import CrossbodyError
from crossbody.main import main
from evaluators.clips import info
from evaluators.clips.reading import ClipError, probe, read, survey
from evaluators.judge.questions.clips import read_clip
from evaluators.scoring.videos.pairing import pair_up
from tests.clips import HEIGHT, WIDTH, container, moving, png, retimed, score_rows, trimmed, turned

FRAMES = moving(13)


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_clip_is_shown_as_its_display_matrix_turns_it(tmp_path, angle):
    file = turned(tmp_path / "c.mp4", FRAMES, angle)
    shown = np.rot90(read(container(tmp_path / "plain.mp4", FRAMES)), k=angle // 90, axes=(1, 2))
    assert (
        (probe(file).height, probe(file).width)
        == shown.shape[1:3]
        == ((WIDTH, HEIGHT) if angle % 180 else (HEIGHT, WIDTH))
    )
    assert np.array_equal(read(file), shown)


def test_an_angle_that_is_no_quarter_turn_is_refused(tmp_path):
    with pytest.raises(
        ClipError, match=r"c.mp4 is to be shown turned by -?[0-9]+ degrees or scaled; only quarter turns"
    ):
        probe(turned(tmp_path / "c.mp4", FRAMES, 30))


def test_a_cut_by_stream_copy_is_whole_and_shows_what_the_edit_list_shows(tmp_path):
    file = trimmed(tmp_path / "c.mp4", FRAMES, first=5)
    whole = read(container(tmp_path / "whole.mp4", FRAMES))
    assert probe(file).frames == 8
    assert np.array_equal(read(file), whole[5:])


def test_a_gif_whose_frames_last_differently_is_compared_by_each_frames_own_time(tmp_path):
    steps = [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
    pred, ref = tmp_path / "pred", tmp_path / "ref"
    pred.mkdir()
    ref.mkdir()
    retimed(pred / "c.gif", FRAMES[:3], (60, 20, 40))
    np.save(ref / "c.npy", read(pred / "c.gif")[steps])
    assert probe(pred / "c.gif").times == (0.0, 0.6, 0.8, 1.2)
    with pytest.raises(
        CrossbodyError, match=r"3 frames that last differently \(1.2 s in all\); the reference .* fps length"
    ):
        pair_up(pred, ref, (), 10.0)
    code, rows = score_rows(tmp_path, pred, ref, "--fps", "10", "--align", "fps", "length")
    assert code == 0
    assert rows["prediction", "psnr_db"]["value"] == "100.0" and rows["prediction", "psnr_db"]["frames"] == "12"


def test_a_clip_of_uneven_rate_needs_the_rate_of_the_other(tmp_path):
    for side in ("pred", "ref"):
        (tmp_path / side).mkdir()
    retimed(tmp_path / "pred" / "c.gif", FRAMES[:3], (60, 20, 40))
    np.save(tmp_path / "ref" / "c.npy", FRAMES[:3])
    with pytest.raises(
        CrossbodyError, match="'c': one clip says when each frame is shown and the other says no rate: "
    ):
        pair_up(tmp_path / "pred", tmp_path / "ref", ("fps", "length"), float("nan"))


def test_a_judge_refuses_a_clip_of_uneven_rate_and_says_what_to_type(tmp_path):
    with pytest.raises(
        ClipError, match=r"last differently \(3 in 1.2 s\). Give it one rate: `ffmpeg -i c.gif -vf fps="
    ):
        read_clip(retimed(tmp_path / "c.gif", FRAMES[:3], (60, 20, 40)))


@pytest.mark.parametrize("kind", ["webm", "mov", "avi", "mkv"])
def test_other_containers_are_read(tmp_path, kind):
    file = container(tmp_path / f"c.{kind}", FRAMES)
    assert probe(file)[:3] == (HEIGHT, WIDTH, 13) and probe(file).fps == pytest.approx(25, abs=0.1)
    assert np.abs(read(file).astype(int) - FRAMES).mean() < 12


def test_folders_of_jpg_are_read_and_two_kinds_in_one_are_refused(tmp_path):
    import cv2

    (tmp_path / "c").mkdir()
    for i, frame in enumerate(FRAMES):
        cv2.imwrite(str(tmp_path / "c" / f"{i}.jpg"), frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert np.abs(read(tmp_path / "c").astype(int) - FRAMES).mean() < 6
    (tmp_path / "c" / "thumbnail.png").write_bytes(png(WIDTH, HEIGHT))
    with pytest.raises(ClipError, match="holds png and jpg pictures: which of them are the clip is unknown"):
        read(tmp_path / "c")


def test_what_lies_beside_the_clips_has_a_missing_row_or_a_line(tmp_path, capsys):
    pred, ref = tmp_path / "pred", tmp_path / "ref"
    for side in (pred, ref):
        (side / "nested").mkdir(parents=True)
        np.save(side / "a.npy", FRAMES)
        np.save(side / "nested" / "b.npy", FRAMES)
        (side / "c.wmv").write_bytes(b"?")
        (side / "prompts.txt").write_text("a prompt")
    found = survey(pred)
    assert (list(found.clips), list(found.unread), found.notes) == (["a"], ["c.wmv", "nested"], ("prompts.txt",))
    code, rows = score_rows(tmp_path, pred, ref, "--fps", "10")
    printed = " ".join(capsys.readouterr().out.split())
    assert code == 1 and (rows["prediction", "psnr_db"]["n"], rows["prediction", "psnr_db"]["missing"]) == ("1", "2")
    assert "c.wmv is of a kind that is not read; expected mp4" in printed
    assert f"not read, for they are no clips: {pred}/prompts.txt and 1 more" in printed
    clips = (tmp_path / "out" / "clips.jsonl").read_text()
    assert "nested is a folder without pictures that holds 1 clips of its own: move them up, or score that fol" in clips


def test_a_rate_that_contradicts_all_clips_is_refused_and_one_for_some_has_a_line(tmp_path, capsys):
    pred, ref = tmp_path / "pred", tmp_path / "ref"
    for side in (pred, ref):
        side.mkdir()
        container(side / "a.mp4", FRAMES)
    with pytest.raises(
        CrossbodyError, match="--fps 10 is for clips that do not say their rate, and all of these do: 'a'"
    ):
        pair_up(pred, ref, (), 10.0)
    assert pair_up(pred, ref, (), 25.0)
    for side in (pred, ref):
        np.save(side / "b.npy", FRAMES)
    assert score_rows(tmp_path, pred, ref, "--fps", "10")[0] == 0
    assert "--fps 10 holds for 2 of 4 clips; the others say their own rate" in " ".join(capsys.readouterr().out.split())


def claiming(file: Path, shape: tuple[int, ...]) -> Path:
    """Write an npy whose header claims more than the file holds."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"\0" * 100)
    return file


def test_files_that_claim_too_much_are_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(ClipError, match="c.npy cannot be read as an array"):
        probe(claiming(tmp_path / "c.npy", (100_000, 1000, 1117, 3)))
    with (tmp_path / "sparse.npy").open("wb") as sparse:
        sparse.write(claiming(tmp_path / "d.npy", (100_000, 1000, 1117, 3)).read_bytes())
        sparse.truncate(336 * 10**9)
    with pytest.raises(
        ClipError, match=r"sparse.npy is 1117x1000, 100000 frames, unknown fps: 335.1 GB of pictures, and"
    ):
        probe(tmp_path / "sparse.npy")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "0.png").write_bytes(png(60_000, 60_000))
    with pytest.raises(ClipError, match=r"0.png says that it is 60000x60000; at most 100,000,000 pixels are read"):
        probe(tmp_path / "p")
    container(tmp_path / "c.mp4", FRAMES)
    monkeypatch.setattr(info, "LARGEST_CLIP", 1000)
    with pytest.raises(ClipError, match=r"c.mp4 is 48x32, 1 frames, unknown fps: 0.0 GB of pictures"):
        probe(tmp_path / "c.mp4")


@pytest.mark.parametrize("name", ["c.mp4", "c.npy", "c.gif"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ClipError, match=f"{name} is not a file but a pipe or a device"):
        read(tmp_path / name)


def test_a_missing_prediction_among_odd_files_ends_with_one_sentence(tmp_path, capsys):
    for side in ("pred", "ref"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "c.wmv").write_bytes(b"?")
    argv = ["score", "video", "--pred", str(tmp_path / "pred"), "--ref", str(tmp_path / "ref")]
    assert main(argv) == 2
    assert "c.wmv is of a kind that is not read" in capsys.readouterr().err
