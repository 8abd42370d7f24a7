"""Contract tests over every metric of a trace, and the file that they go into."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.parquet
import pytest

from crossbody import catalog
from evaluators.metric import Metric, Unknown, metrics_of
from evaluators.scoring.runs import write_metrics
from evaluators.subjects.trace import Trace
from tests.running import run

METRICS = sorted(metrics_of("trace"))


def trace(success=(0, 1, 1, 0, 1, 1), cut=False, hz=20.0) -> Trace:
    steps = len(success)
    joints = np.cumsum(np.ones((steps, 2)), axis=0) ** 2 / 10
    return Trace(np.array(success, bool), {"state.arm": joints, "action.arm": joints + 0.1}, hz, cut)


def test_hand_computed_values():
    joints = np.array([[0.0, 0.0], [0.3, 0.4], [0.3, 0.4], [0.3, 1.0]])
    hand = Trace(np.array([0, 1, 0, 1], bool), {"state.a": joints, "action.a": joints - 0.2}, 10.0, False)
    value = {name: catalog.resolve("metrics", name).function(hand) for name in METRICS}
    assert value["time_to_success_s"] == pytest.approx(0.2)  # second step of a tenth of a second
    assert value["success_kept"] == pytest.approx(2 / 3)  # bits 1, 0, 1 from the first success on
    assert value["joint_path_rad"] == pytest.approx(0.5 + 0.0 + 0.6)
    assert value["tracking_lag_rad"] == pytest.approx(0.2)
    # third differences: 0.3 - 3*0.3 + 3*0.3 - 0 = 0.3 and 1 - 3*0.4 + 3*0.4 - 0 = 1; times 10^3
    assert value["joint_jerk_rad_s3"] == pytest.approx(1000 * math.sqrt((0.3**2 + 1.0**2) / 2))


def test_what_was_cut_at_its_success_or_never_solved_is_unknown_not_perfect():
    kept = catalog.resolve("metrics", "success_kept").function
    assert kept(trace((0, 0, 1), cut=True)) == Unknown("the episode was ended at its success")
    assert kept(trace((0, 0, 0))) == Unknown("the task was never solved")
    assert catalog.resolve("metrics", "time_to_success_s").function(trace(hz=0)) == Unknown(
        "the run does not say its control rate"
    )


def test_a_value_out_of_bounds_is_a_defect_not_a_row():
    with pytest.raises(ValueError, match=r"m_s of A/0000 is -1.0, outside \[0.0, 1.0\]"):
        Metric("m_s", "down", (0.0, 1.0), 1, lambda _: -1.0).row("A/0000", trace())


def test_a_run_has_one_row_per_metric_and_episode_with_an_outcome(tmp_path):
    folder = run(tmp_path / "r", env={"faults": {"0": "raise"}}, retries=0)
    write_metrics(folder)
    table = pyarrow.parquet.read_table(folder.path / "metrics.parquet").to_pylist()
    ended = [e for e, r in folder.final_rows().items() if r.status == "ok"]
    assert len(ended) == 4
    assert [(r["episode"], r["metric"]) for r in table] == [(e, m) for e in ended for m in METRICS]
    assert all(math.isnan(r["value"]) == bool(r["reason"]) for r in table)
    times = {r["episode"]: r["value"] for r in table if r["metric"] == "time_to_success_s"}
    for episode, row in folder.final_rows().items():
        if row.success:
            assert times[episode] == pytest.approx((row.first_success_step or 0) / 20)
