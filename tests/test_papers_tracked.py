"""Humanoid-VLA's Table 2 takes runs of tracked motions."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.metrics.tracking import fell, survival
from evaluators.subjects.trace import Trace
from reports.papers import inputs, tables
from reports.papers.formats import notes
from reports.papers.grid import grid
from reports.papers.reproduced import reproduced_numbers
from tests.synthetic import make_run, track

TABLE_2 = next(t for t in tables.of_paper("humanoid_vla") if t.id == "H2")


@pytest.fixture
def run(tmp_path):
    """A run of the conditions in which the body is 3 mm off for 10 frames, and 6 mm for 30."""
    path = tmp_path / "mine"
    folder = make_run(
        path,
        lambda e: e.index == 0,
        suite="motion_conditions",
        agent="humanoid_tracker",
        protocol="tracking",
        episodes_per_task=2,
        environment={"control_hz": 50.0},
    )
    track(folder)
    return path


def test_each_condition_stands_beside_its_row_with_errors_over_all_frames(run):
    own, left_out = inputs.parse("humanoid_vla", [str(run)])
    assert not left_out
    found = {(n.row, n.column): n for n in reproduced_numbers(TABLE_2, own)}
    assert len(found) == 8 * 4
    mine = found["humanoid_tracker, D+T", "g_mpjpe"]
    assert mine.value == pytest.approx((10 * 3 + 30 * 6) / 40, abs=0.01)
    assert (mine.against, mine.n, mine.unit) == ("Medium: D + T", 2, "mm")
    assert mine.verdict == "known" and mine.unranked.startswith("MuJoCo and motions of the procedural set")
    assert mine.note == "1 of 2 episodes were lost, their frames until then are in it"
    assert "50 fps" in mine.protocol
    assert found["humanoid_tracker, D+S_1+S_N", "vel"].value == pytest.approx(0, abs=0.01)


def test_each_task_stands_beside_its_row_and_is_not_ranked_with_the_real_robot(tmp_path):
    make_run(
        tmp_path / "seen",
        lambda e: e.task.name == "wave_to_people" or e.index < 3,
        suite="humanoid_vision",
        agent="humanoid_script",
        protocol="vision",
        episodes_per_task=10,
    )
    table = next(t for t in tables.of_paper("humanoid_vla") if t.id == "H5")
    own, _ = inputs.parse("humanoid_vla", [str(tmp_path / "seen")])
    found = {n.against: n for n in reproduced_numbers(table, own)}
    assert found.keys() == {row.name for row in table.rows}
    wave, kick = found["Wave to people"], found["Kick a ball"]
    assert (wave.row, wave.text, wave.n, wave.verdict) == ("humanoid_script, wave_to_people", "100", 10, "inside")
    assert (kick.text, kick.n, kick.verdict) == ("30", 10, "known") and kick.difference == pytest.approx(-60)
    said = notes(grid(table, list(found.values())))
    assert wave.unranked.startswith("scenes in MuJoCo") and f"Ours: {wave.unranked}." in said


def test_what_an_environment_does_not_say_of_a_motion_is_unknown_and_not_an_error():
    commanded = Trace(np.zeros(2, bool), {"body.keypoints": np.zeros((2, 15, 3))}, control_hz=50.0, cut=False)
    for metric in (fell.METRIC, survival.METRIC):
        row = metric.row("wave/0", commanded)
        assert np.isnan(row.value) and row.reason
