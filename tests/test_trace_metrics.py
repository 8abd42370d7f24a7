"""Contract tests over every metric of a trace, and the file that they go into."""

from __future__ import annotations

import doctest
import math
import re

import numpy as np
import pyarrow.parquet
import pytest

from crossbody import catalog
from evaluators.metric import Metric, Trace, Unknown, metrics_of, write_metrics
from tests.running import run

METRICS = sorted(metrics_of("trace"))
UNIT = re.compile(r"_(s|rad|rad_s3|m)$|^success_kept$")
EMPTY = Trace(np.zeros(0, bool), {}, 20.0, False)


def trace(success=(0, 1, 1, 0, 1, 1), cut=False, hz=20.0) -> Trace:
    steps = len(success)
    joints = np.cumsum(np.ones((steps, 2)), axis=0) ** 2 / 10
    return Trace(np.array(success, bool), {"state.arm": joints, "action.arm": joints + 0.1}, hz, cut)


@pytest.fixture(params=METRICS)
def metric(request) -> Metric:
    return catalog.resolve("metrics", request.param)


def test_its_record_is_complete_and_its_name_is_its_file_and_has_its_unit(metric, request):
    assert metric.name == request.node.callspec.params["metric"]
    assert UNIT.search(metric.name)
    assert metric.version >= 1 and metric.direction in ("up", "down", "none") and metric.bounds[0] <= metric.bounds[1]


def test_its_example_is_right(metric):
    module = __import__(metric.function.__module__, fromlist=["METRIC"])
    finder = doctest.DocTestFinder()
    examples = [t for t in finder.find(metric.function, globs=vars(module)) if t.examples]
    assert examples, "a metric's docstring has a checked number"
    assert doctest.DocTestRunner().run(examples[0]).failed == 0


def test_it_is_a_number_in_its_bounds_for_a_full_trace_and_unknown_with_a_reason_for_an_empty_one(metric):
    row = metric.row("A/0000", trace())
    assert row.reason == "" and metric.bounds[0] <= row.value <= metric.bounds[1]
    empty = metric.row("A/0000", EMPTY)
    assert math.isnan(empty.value) and len(empty.reason) > 10


def test_it_does_not_change_its_trace(metric):
    given, kept = trace(), trace()
    metric.function(given)
    np.testing.assert_equal(given.signals, kept.signals)
    np.testing.assert_equal(given.success, kept.success)


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
