"""Reading clips of every format, pairing them, aligning them: and what is said when that cannot be."""

from __future__ import annotations

import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbody.errors import CrossbodyError
from evaluators.clips.reading import ClipError, ClipInfo, find, probe, read
from evaluators.scoring.videos import pairing
from evaluators.scoring.videos.pairing import aligned, nearest_frames, pair_up


@pytest.fixture
def frames() -> np.ndarray:
    """Twelve smooth frames (12, 32, 48, 3) in which a square moves."""
    video = np.full((12, 32, 48, 3), (40, 90, 160), np.uint8)
    for t, frame in enumerate(video):
        frame[8:20, 2 * t : 2 * t + 12] = (220, 60, 30)
    return video


def write_mp4(file: Path, frames: np.ndarray, fps: int = 10) -> Path:
    """Write lossless H.264 (RGB), so that what is read is what was written."""
    import av

    with av.open(str(file), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264rgb", rate=fps, options={"crf": "0"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "rgb24"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file


def write_gif(file: Path, frames: np.ndarray) -> Path:
    from PIL import Image

    first, *rest = (Image.fromarray(f) for f in frames)
    first.save(file, save_all=True, append_images=rest, duration=100, loop=0)
    return file


def write_pngs(folder: Path, frames: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"frame_{i}.png"), frame[..., ::-1])
    return folder


def write_npy(file: Path, frames: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, frames)
    return file


def test_every_format_gives_the_frames_that_were_written(tmp_path, frames):
    mp4, npy = write_mp4(tmp_path / "a.mp4", frames, fps=12), write_npy(tmp_path / "a.npy", frames)
    png, gif = write_pngs(tmp_path / "a", frames), write_gif(tmp_path / "a.gif", frames)
    for path in (mp4, npy, png, gif):
        assert np.array_equal(read(path), frames), path
    assert probe(mp4) == ClipInfo(32, 48, 12, 12.0)
    assert probe(gif) == ClipInfo(32, 48, 12, 10.0)
    for path in (npy, png):
        assert probe(path)[:3] == (32, 48, 12) and math.isnan(probe(path).fps)


def test_pictures_are_in_the_order_of_their_numbers(tmp_path, frames):
    folder = write_pngs(tmp_path / "a", frames)  # frame_10 sorts before frame_2 as text
    assert np.array_equal(read(folder)[10], frames[10])


def test_floats_are_kept_as_they_are(tmp_path):
    values = np.linspace(0, 1, 2 * 12 * 12 * 3).reshape(2, 12, 12, 3)
    assert np.allclose(read(write_npy(tmp_path / "a.npy", values)), values, atol=1e-7)


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.zeros((4, 3, 8, 8), np.uint8), "has the shape (4, 3, 8, 8), expected (frames, height, width, 3). Move its"),
        (np.zeros((8, 8, 3), np.uint8), "has the shape (8, 8, 3), expected (frames, height, width, 3)."),
        (np.zeros((4, 8, 8, 3), np.int64), "is int64, expected uint8, or floats in [0, 1]"),
        (np.full((4, 8, 8, 3), 255.0), "holds float64 from 255 to 255, expected uint8, or floats in [0, 1]"),
        (np.full((4, 8, 8, 3), np.nan), "holds numbers that are not finite, expected uint8, or floats in [0, 1]"),
        (np.array([{"a": 1}]), "cannot be read as an array (Array can't be memory-mapped: Python objects in dtype.)"),
    ],
)
def test_an_array_of_another_kind_is_refused_with_what_was_expected(tmp_path, array, complaint):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ClipError, match=re.escape(complaint)):
        read(tmp_path / "a.npy")


def test_a_truncated_mp4_is_refused_although_its_first_frames_decode(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    file = write_mp4(tmp_path / "a.mp4", noise)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ClipError, match=r"a\.mp4 (holds \d+ of the 12 frames that its header names|cannot be decoded)"):
        probe(file)


def test_damage_inside_an_mp4_is_not_painted_over(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    file = write_mp4(tmp_path / "a.mp4", noise)
    content = bytearray(file.read_bytes())
    middle = len(content) * 2 // 3
    content[middle : middle + 4000] = bytes(4000)
    file.write_bytes(content)
    with pytest.raises(ClipError, match="damaged"):
        read(file)


def test_what_is_no_video_says_so(tmp_path):
    (tmp_path / "a.mp4").write_text("not a video")
    with pytest.raises(
        ClipError, match=r"a\.mp4 cannot be decoded \(Invalid data.*\): it is damaged, or not what its name"
    ):
        probe(tmp_path / "a.mp4")
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "0.png").write_text("not a picture")
    with pytest.raises(ClipError, match=r"0\.png cannot be decoded"):
        probe(folder)


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (np.zeros((8, 8, 3), np.uint16), "is uint16, expected 8 bits per channel"),
        (np.zeros((8, 8, 4), np.uint8), "is partly transparent, and what lies behind it is unknown"),
    ],
)
def test_pictures_of_another_kind_are_refused(tmp_path, picture, complaint):
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / "0.png"), picture)
    with pytest.raises(ClipError, match=complaint):
        read(tmp_path / "a")


def test_pictures_of_two_sizes_are_no_clip(tmp_path, frames):
    folder = write_pngs(tmp_path / "a", frames)
    cv2.imwrite(str(folder / "frame_3.png"), np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(ClipError, match=r"frame_3\.png is 16x16, and the first picture of its clip 48x32"):
        read(folder)


def test_folders_without_clips_say_what_was_expected(tmp_path, frames):
    with pytest.raises(CrossbodyError, match="nowhere is not a folder; expected one that holds clips"):
        find(tmp_path / "nowhere")
    with pytest.raises(
        CrossbodyError,
        match="has no clips; expected mp4, mov, webm, mkv, avi, gif, npy, or a folder of png or jpg pictures",
    ):
        find(tmp_path)
    folder = write_pngs(tmp_path / "a", frames)
    with pytest.raises(CrossbodyError, match=f"It holds pictures itself: give its parent, {tmp_path}"):
        find(folder)


def test_two_clips_of_one_name_are_refused(tmp_path, frames):
    write_npy(tmp_path / "a.npy", frames)
    write_pngs(tmp_path / "a", frames)
    with pytest.raises(CrossbodyError, match=r"two clips in .* are called 'a': a and a\.npy\. Move one\."):
        find(tmp_path)


def test_folders_without_a_name_in_common_are_refused(tmp_path, frames):
    write_npy(tmp_path / "p" / "x.npy", frames)
    write_npy(tmp_path / "r" / "y.npy", frames)
    with pytest.raises(CrossbodyError, match=r"1 such as 'x' against 1 such as 'y'\. Clips are paired by name\."):
        pair_up(tmp_path / "p", tmp_path / "r", (), math.nan)


def test_a_clip_without_a_partner_is_a_pair_with_a_reason(tmp_path, frames):
    for name in "ab":
        write_npy(tmp_path / "p" / f"{name}.npy", frames)
    write_npy(tmp_path / "r" / "a.npy", frames)
    a, b = pair_up(tmp_path / "p", tmp_path / "r", (), math.nan)
    assert not a.reason and b.reason == "there is no reference named 'b'"


def test_clips_that_differ_are_refused_with_both_values(tmp_path, frames):
    (tmp_path / "p").mkdir()
    (tmp_path / "r").mkdir()
    write_mp4(tmp_path / "p" / "a.mp4", frames, fps=10)
    write_mp4(tmp_path / "r" / "a.mp4", frames[:8, :16, :16], fps=30)
    with pytest.raises(CrossbodyError) as error:
        pair_up(tmp_path / "p", tmp_path / "r", (), math.nan)
    assert "the prediction is 48x32, 12 frames, 10 fps; the reference is 16x16, 8 frames, 30 fps." in str(error.value)
    assert "add `--align fps length size`, which stands in every row" in str(error.value)
    with pytest.raises(CrossbodyError, match="--align fps length size"):
        pair_up(tmp_path / "p", tmp_path / "r", ("fps", "length"), math.nan)
    (pair,) = pair_up(tmp_path / "p", tmp_path / "r", pairing.ALIGNMENTS, math.nan)
    infos = pair.pred_info._replace(fps=10.0), pair.ref_info._replace(fps=30.0)
    pred, ref, done = aligned(read(pair.pred), read(pair.ref), pairing.ALIGNMENTS, infos)
    assert pred.shape == ref.shape == (8, 16, 16, 3)
    assert done == "fps 10 to 30; length 34 and 8 to 8; size 48x32 to 16x16"


def test_a_rate_that_is_given_for_files_without_one_is_compared(tmp_path, frames):
    (tmp_path / "r").mkdir()
    write_npy(tmp_path / "p" / "a.npy", frames)
    write_mp4(tmp_path / "r" / "a.mp4", frames, fps=30)
    assert not pair_up(tmp_path / "p", tmp_path / "r", (), math.nan)[0].reason
    with pytest.raises(CrossbodyError, match="12 frames, 15 fps; the reference is 48x32, 12 frames, 30 fps"):
        pair_up(tmp_path / "p", tmp_path / "r", (), 15.0)


@given(
    length=st.integers(1, 60),
    rate=st.sampled_from([5.0, 10.0, 24.0, 29.97, 30.0]),
    wanted=st.sampled_from([5.0, 20.0, 30.0]),
)
def test_resampled_frames_stay_within_half_a_frame_of_their_time(length, rate, wanted):
    chosen = nearest_frames(length, rate, wanted)
    assert chosen == sorted(chosen) and chosen[0] == 0 and max(chosen) < length
    assert all(abs(frame / rate - i / wanted) <= 0.5 / rate + 1e-9 for i, frame in enumerate(chosen))
    assert len(chosen) / wanted >= (length - 1) / rate - 1e-9, "nothing of the end is lost"
