"""Contract tests over every metric in the catalog: what it says of itself, and that somebody asks for it."""

from __future__ import annotations

import dataclasses
import doctest
import importlib.util
import math
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossbody import catalog
from crossbody.errors import CrossbodyError, UnknownName
from evaluators.metric import Metric, Outcome, metrics_of
from evaluators.scoring import runs
from evaluators.subjects.motion import MotionClip, MotionPair
from evaluators.subjects.motion_sets import MotionSets
from evaluators.subjects.trace import Trace
from evaluators.subjects.video import Video, VideoPair
from evaluators.subjects.video_sets import FeatureSets

ENTRIES = list(catalog.entries("metrics").values())
every_metric = pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
NONE = Trace(np.zeros(0, bool), {}, 20.0, False)


def walk(shift: float = 0.0) -> np.ndarray:
    """Key points (12, 15, 3) that move, so that no difference along time is 0."""
    return np.random.default_rng(0).normal(size=(12, 15, 3)).cumsum(0) / 50 + shift


def trace() -> Trace:
    joints = np.random.default_rng(1).normal(size=(12, 4)).cumsum(0)
    signals = {"state.joints": joints, "reference.joints": joints + 0.1, "action.joints": joints + 0.2}
    signals |= {"body.keypoints": walk(), "reference.keypoints": walk(0.01), "body.fallen": np.zeros(12, np.uint8)}
    signals["reference.progress"] = np.linspace(0, 1, 12)
    return Trace(np.arange(12) > 5, signals, 20.0, False)


def video(seed: int) -> Video:
    return Video(np.random.default_rng(seed).integers(0, 255, (3, 32, 32, 3), np.uint8))


def motion_sets() -> MotionSets:
    rng = np.random.default_rng(2)
    pred, ref, text = (rng.normal(size=(40, 4)) for _ in range(3))
    return MotionSets(pred, ref, np.random.default_rng(0), text, tuple("ab" * 20), paired=True)


SAMPLES: dict[str, Callable[[], Any]] = {
    "trace": trace,
    "tracking": trace,
    "motion": lambda: MotionClip(walk(), 20.0),
    "motion_pair": lambda: MotionPair(walk(), walk(0.01), 20.0),
    "motion_sets": motion_sets,
    "motion_draws": motion_sets,
    "video_pair": lambda: VideoPair(video(0), video(1)),
    "video_sets": lambda: FeatureSets(*np.random.default_rng(3).normal(size=(2, 6, 4))),
}


def faults(entry: catalog.Entry) -> Iterator[str]:
    """Yield what is wrong with a metric."""
    metric: Metric = catalog.load(entry.target)
    if metric.name != entry.name:
        yield f"{entry.target} is called '{metric.name}'; a file is called as its metric"
    if not entry.summary:
        yield f"{entry.name} has no docstring, which `crossbody list metrics` shows"
    if metric.version < 1 or metric.direction not in ("up", "down", "none"):
        yield f"{entry.name} has version {metric.version} and direction '{metric.direction}'"
    if not metric.bounds[0] < metric.bounds[1]:
        yield f"{entry.name} has the bounds {metric.bounds}"
    if entry.group not in SAMPLES:
        yield f"{entry.name} takes a '{entry.group}', and this test has no sample of it"
        return
    found = metric.outcome("the sample", SAMPLES[entry.group]())
    if math.isnan(found.value) != bool(found.reason) or math.isnan(found.value) != (found.weight == 0):
        yield f"{entry.name} says {found}: unknown is NaN with a reason and no weight, known has neither"
    if math.isnan(found.value):
        yield f"{entry.name} knows nothing of the sample: {found.reason}"


@every_metric
def test_a_metric_keeps_the_contract(entry):
    assert not list(faults(entry))


def arrays(held: Any) -> list[np.ndarray]:
    """Return the arrays in what a metric takes, wherever they are; what metrics keep there is left out."""
    if isinstance(held, np.ndarray):
        return [held]
    if dataclasses.is_dataclass(held):
        held = [getattr(held, f.name) for f in dataclasses.fields(held) if f.name not in ("shared", "_flows")]
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else ()
    return [array for part in parts for array in arrays(part)]


@every_metric
def test_a_metric_says_the_same_twice_and_does_not_change_what_it_takes(entry):
    metric, sample, same = catalog.load(entry.target), SAMPLES[entry.group](), SAMPLES[entry.group]()
    assert metric.outcome("it", sample) == metric.outcome("it", same)
    assert arrays(sample) and all(map(np.array_equal, arrays(sample), arrays(SAMPLES[entry.group]())))


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.group == "trace"], ids=lambda e: e.name)
def test_a_metric_of_a_trace_without_signals_is_unknown_with_a_reason(entry):
    found = catalog.load(entry.target).row("A/0000", NONE)
    assert math.isnan(found.value) and len(found.reason) > 10


@every_metric
def test_the_examples_of_a_metric_are_right(entry):
    metric: Metric = catalog.load(entry.target)
    module = importlib.import_module(entry.target.partition(":")[0])
    found = doctest.DocTestFinder().find(metric.function, globs=dict(vars(module)))
    examples = [test for test in found if test.examples]
    assert examples or entry.group not in ("trace", "tracking"), "a metric of episodes has a checked number"
    assert all(doctest.DocTestRunner().run(test).failed == 0 for test in examples)


def test_every_subject_has_somebody_who_asks_for_its_metrics():
    asked = {*runs.SUBJECTS}
    for name in catalog.entries("scores"):
        asked |= set(catalog.module_of("scores", name).SUBJECTS)
    assert asked == set(catalog.groups("metrics"))


def test_every_file_with_a_metric_is_in_the_catalog():
    folder = catalog.ROOT / "evaluators" / "metrics"
    written = {f.stem for f in folder.rglob("*.py") if "\nMETRIC" in f.read_text()}
    assert written == {e.name for e in ENTRIES if e.target.startswith("evaluators.")}


def planted(tmp_path: Path, monkeypatch, source: str, folder: str = "trace", name: str = "planted") -> catalog.Entry:
    """Return the catalog's entry of a metric in a checkout of its own."""
    file = tmp_path / "evaluators" / "metrics" / folder / f"{name}.py"
    file.parent.mkdir(parents=True)
    (file.parent / "__init__.py").touch()
    file.write_text(source)
    monkeypatch.setattr(catalog, "ROOT", tmp_path)
    (found,) = catalog._module_entries(catalog.KINDS["metrics"])
    spec = importlib.util.spec_from_file_location(found.target.partition(":")[0], file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(catalog, "load", lambda target: module.METRIC)
    return found


GOOD = '''"""A planted metric."""
from evaluators.metric import Metric
METRIC = Metric("planted", "down", (0.0, 9.0), 1, lambda trace: 1.0)
'''


def test_a_good_metric_is_found_by_its_file_alone(tmp_path, monkeypatch):
    entry = planted(tmp_path, monkeypatch, GOOD)
    assert entry == catalog.Entry("planted", "evaluators.metrics.trace.planted:METRIC", "A planted metric.", "trace")
    assert not list(faults(entry))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('"planted"', '"other"'), "is called 'other'; a file is called as its metric"),
        (('"""A planted metric."""', ""), "planted has no docstring"),
        (('"down"', '"left"'), "direction 'left'"),
        (("(0.0, 9.0)", "(1.0, 1.0)"), r"bounds \(1.0, 1.0\)"),
        (("trace: 1.0", "trace: float('nan')"), "outside"),
        (("trace: 1.0", "trace: __import__('evaluators.metric').metric.Unknown('')"), "unknown is NaN with a reason"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, monkeypatch, change, fault):
    entry = planted(tmp_path, monkeypatch, GOOD.replace(*change))
    with pytest.raises((AssertionError, ValueError), match=fault):
        assert not list(faults(entry)), "; ".join(faults(entry))


def test_a_folder_that_nobody_asks_for_is_found(tmp_path, monkeypatch):
    entry = planted(tmp_path, monkeypatch, GOOD, folder="video_pairs")
    assert list(faults(entry)) == ["planted takes a 'video_pairs', and this test has no sample of it"]
    assert catalog.groups("metrics") == ("video_pairs",)
    with pytest.raises(AssertionError):
        test_every_subject_has_somebody_who_asks_for_its_metrics()


def test_a_subject_that_is_none_is_an_error_not_an_empty_list():
    with pytest.raises(UnknownName, match="unknown subject of metrics 'video_pairs'. Did you mean 'video_pair'"):
        metrics_of("video_pairs")


@pytest.fixture
def outside(monkeypatch):
    """A function that installs a package with one entry point in a group."""

    def install(group: str) -> None:
        points = EntryPoints([EntryPoint("theirs", "their.module:METRIC", group)])
        monkeypatch.setattr(catalog, "entry_points", lambda **chosen: points.select(**chosen))
        catalog.entries.cache_clear()

    yield install
    catalog.entries.cache_clear()


@pytest.mark.parametrize("group", ["crossbody.metrics", "crossbody.metrics.video_pairs"])
def test_a_package_that_names_no_subject_is_refused(outside, group):
    outside(group)
    with pytest.raises(
        CrossbodyError, match=f"'theirs' from elsewhere is an entry point of the group {group}, expected"
    ):
        catalog.entries("metrics")


def test_a_package_adds_a_metric_under_its_subject(outside):
    outside("crossbody.metrics.trace")
    assert catalog.entries("metrics")["theirs"].group == "trace"


def test_unknown_is_nan_with_no_weight():
    from evaluators.metric import Unknown

    metric = Metric("m_s", "down", (0.0, 1.0), 1, lambda _: Unknown("because"))
    found = metric.outcome("it", None)
    assert isinstance(found, Outcome) and math.isnan(found.value) and found[1:] == (0.0, "because")
