"""Videos that a browser plays."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from evaluators.loop.video import Recorder
from tests.running import SHORT, run


def boxes(file: Path) -> list[bytes]:
    """Return the names of the top-level boxes of an mp4, in order."""
    data, names, at = file.read_bytes(), [], 0
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return names


def test_a_video_is_h264_in_yuv420p_with_its_index_first_and_shows_what_was_recorded(tmp_path):
    recorder = Recorder(tmp_path / "v.mp4", fps=10)
    shades = [20, 90, 160, 230]
    for shade in shades:
        recorder.add(np.full((65, 97, 3), shade, np.uint8))  # odd sizes lose a row and a column
    recorder.close(keep=True)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (96, 64, 10)
        means = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(stream)]
    assert means == pytest.approx(shades, abs=4)
    assert boxes(tmp_path / "v.mp4").index(b"moov") < boxes(tmp_path / "v.mp4").index(b"mdat")


@pytest.mark.parametrize("keep", ["all", "failures", "none"])
def test_the_videos_that_were_asked_for_are_there_and_no_others(tmp_path, keep):
    folder = run(tmp_path / "r", video=keep)
    rows = folder.final_rows().values()
    assert {r.success for r in rows} == {True, False}
    kept = {r.episode for r in rows if keep == "all" or (keep == "failures" and not r.success)}
    assert {p.name for p in (folder.path / "video").iterdir()} == {folder.video_file(e).name for e in kept}
    for episode in kept:
        with av.open(str(folder.video_file(episode))) as container:
            frames = sum(1 for _ in container.decode(video=0))
            assert container.streams.video[0].average_rate == 10  # every second step of 20 per second
        row = folder.final_rows()[episode]
        assert frames == row.steps // 2 + 1
        assert row.steps <= SHORT.max_steps


def test_a_failed_attempt_has_a_video_of_its_own_up_to_the_failure(tmp_path):
    folder = run(tmp_path / "r", env={"faults": {"0": "raise"}}, video="failures", limit=1)
    with av.open(str(folder.video_file("A/0000", attempt=1))) as container:
        assert sum(1 for _ in container.decode(video=0)) == 2  # the fault comes at the fourth step
