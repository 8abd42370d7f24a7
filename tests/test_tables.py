"""Tables: what enters a number, what is refused, and a golden text."""

from __future__ import annotations

import io
import math
import shutil

import pytest
from rich.console import Console

from crossbody import catalog
from crossbody.errors import CrossbodyError, RunFolderError
from reports import frames, table
from reports.layout import blocks, percent
from reports.render import latex
from reports.sections import label
from reports.statistics import wilson
from reports.summary import write
from reports.table import COLUMNS
from tasks.suite import load_suite
from tests.data.make_run_small import RUN, TEXT, shown
from tests.synthetic import ENVIRONMENT, make_run, suite_of, track

APPEARANCE, COMBINATIONS, TYPES = "Unseen Appearance (18)", "Unseen Combinations (14+9)", "Unseen Object Types (32)"


@pytest.fixture
def make(tmp_path):
    """A function that makes a run named so and returns its table's numbers as (section, column, system) -> record."""

    def make(outcome, name="run", beside=(), **changes):
        run = frames.read(make_run(tmp_path / name, outcome, **changes).path)
        long = table.make([run, *beside], show_missing=True)
        return {(r["section"], r["column"] or r["group"], r["system"]): r for r in long.to_dict("records")}

    return make


def test_the_terminal_shows_the_golden_text(tmp_path):
    folder = tmp_path / "run_small"
    shutil.copytree(RUN, folder)
    assert shown(folder) == TEXT.read_text()


def test_the_same_folder_gives_the_same_files_to_the_byte(tmp_path):
    folder = tmp_path / "run_small"
    shutil.copytree(RUN, folder)
    first = [_written(folder) for _ in range(2)]
    assert first[0] == first[1]


def test_both_aggregators_by_hand(make):
    # 9 of 18, 23 of 23 and 0 of 32: (9 + 23 + 0) / 73 = 0.43836 over tasks, (0.5 + 1 + 0) / 3 = 0.5 over splits
    appearance = [t.name for t in load_suite("robocasa_ood").tasks if t.split == "unseen_appearance"]
    numbers = make(lambda e: e.task.split == "unseen_combinations" or e.task.name in appearance[:9])
    own = {c: r for (s, c, system), r in numbers.items() if s == "UniT’s 73 tasks" and system == "expert"}
    assert [own[c]["value"] for c in (APPEARANCE, COMBINATIONS, TYPES)] == [0.5, 1.0, 0.0]
    assert own["Mean of 73 tasks"]["value"] == pytest.approx(32 / 73)
    assert own["Mean of 3 splits"]["value"] == pytest.approx(0.5)
    assert [own[c]["n"] for c in own] == [18, 23, 32, 73, 73]
    # DIAL's list leaves the nine fixtures out: (9 + 14 + 0) / 64
    assert numbers["DIAL’s 64 tasks (no unseen fixtures)", "Mean of 64 tasks", "expert"]["value"] == pytest.approx(
        23 / 64
    )


def test_published_rows_stand_beside_ours_with_the_interval_of_their_n(make):
    row = make(lambda e: True)["UniT’s 73 tasks", "Mean of 73 tasks", "VLA-UniT, few-shot"]
    assert (row["value"], row["n"], row["origin"]) == (pytest.approx(0.347), 3650, "published")
    assert row["low"] == pytest.approx(0.3315, abs=2e-4)  # within the 0.3317 of 3,650 episodes of one rate
    unweighted = make(lambda e: True, "other")["UniT’s 73 tasks", "Mean of 3 splits", "VLA-UniT, few-shot"]
    assert unweighted["value"] == pytest.approx((0.37 + 0.4073 + 0.29) / 3)
    assert unweighted["note"] == "computed here from its printed parts"


def test_a_number_of_another_list_of_tasks_is_not_shown(make):
    numbers = make(lambda e: True)
    assert not [key for key in numbers if key[0] == "UniT’s 73 tasks" and key[2].startswith("DIAL")]
    assert not [key for key in numbers if key[0].startswith("DIAL’s 64") and key[2].startswith("VLA-UniT")]


def test_an_error_is_a_failure_and_is_counted_apart(make):
    numbers = make(lambda e: "ValueError: no" if "Drawer" in e.task.name else True)
    row = numbers["UniT’s 73 tasks", COMBINATIONS, "expert"]
    # three of the 23 go into a drawer
    assert (row["n"], row["errors"], row["value"]) == (23, 3, pytest.approx(20 / 23))


def test_a_mean_with_a_missing_episode_is_nan_with_the_number_that_is_missing(make):
    numbers = make(lambda e: None if e.task.split == "unseen_object_types" and "Bowl" in e.task.name else True)
    row = numbers["UniT’s 73 tasks", TYPES, "expert"]
    assert math.isnan(row["value"]) and math.isnan(row["low"])
    assert (row["n"], row["missing"]) == (28, 4)
    assert math.isnan(numbers["UniT’s 73 tasks", "Mean of 73 tasks", "expert"]["value"])
    assert numbers["UniT’s 73 tasks", APPEARANCE, "expert"]["value"] == 1.0


def test_missing_episodes_refuse_the_table(tmp_path):
    run = frames.read(make_run(tmp_path / "run", lambda e: None if "Bowl" in e.task.name else True).path)
    with pytest.raises(RunFolderError) as raised:
        table.make([run])
    assert str(raised.value) == (
        f"{tmp_path}/run: 8 of 73 episodes are missing (the first is EvalPnPNovelFromPlacematToBowlSplitB/0000). "
        f"Finish it with `uv run crossbody resume {tmp_path}/run`, or give --show-missing to see what there is."
    )


def test_two_protocols_never_share_a_table(tmp_path):
    one = frames.read(make_run(tmp_path / "one", lambda e: True).path)
    other = {k: v for k, v in ENVIRONMENT.items() if k != "patches"} | {"look": "faithful"}
    two = frames.read(make_run(tmp_path / "two", lambda e: True, protocol="groot_n16", environment=other).path)
    with pytest.raises(RunFolderError) as raised:
        table.make([one, two])
    hashes = one.manifest.protocol_hash, two.manifest.protocol_hash
    assert hashes[0] != hashes[1]
    assert str(raised.value) == (
        f"{tmp_path}/one and {tmp_path}/two were run under different protocols, {hashes[0]} and {hashes[1]}:\n"
        "  protocol.chunk: 16 / 8\n"
        "  protocol.success_rule: chunk_end / any_step\n"
        "  environment.look: fast / faithful\n"
        "  environment.patches: ['basket_4'] / absent\n"
        "Their numbers cannot stand in one table. Run one of them again under the other's protocol, or, when only "
        "success_rule differs, `uv run crossbody rescore RUN --rule RULE`."
    )


def test_the_name_of_a_protocol_and_its_number_of_episodes_may_differ(tmp_path):
    one = frames.read(make_run(tmp_path / "one", lambda e: True, protocol="unit", episodes_per_task=2).path)
    two = frames.read(make_run(tmp_path / "two", lambda e: False, protocol="groot_n15", episodes_per_task=1).path)
    systems = set(table.make([one, two]).query("origin == 'run'")["system"])
    assert systems == {"expert (one)", "expert (two)"}


def test_a_table_refuses_a_suite_that_it_does_not_know(tmp_path):
    one = frames.read(make_run(tmp_path / "one", lambda e: True, suite="robocasa_gr1").path)
    two = frames.read(make_run(tmp_path / "two", lambda e: True).path)
    with pytest.raises(CrossbodyError) as raised:
        table.make([one, two])
    assert str(raised.value) == (
        f"table 'robocasa_gr1' shows runs of robocasa_gr1; {tmp_path}/two is a run of robocasa_ood. Report it "
        "by itself."
    )


def test_a_column_that_the_table_does_not_group_by_is_refused(tmp_path):
    runs = [frames.read(make_run(tmp_path / a, lambda e: True, agent=a).path) for a in ("hold", "zero")]
    strict = table.Table("strict", "Strict", grouping=("run",), build=lambda rows, known, rng: rows)
    with pytest.raises(CrossbodyError) as raised:
        table.require_grouping(strict, frames.episodes(runs))
    assert str(raised.value) == (
        "table 'strict' cannot mix agent hold and zero: its rows may differ in run only. Make one table for each."
    )


def test_a_run_of_some_tasks_says_how_many_of_how_many(make):
    numbers = make(lambda e: True, episodes=lambda q: [e for e in q if "Tray" in e.task.name])
    row = numbers["UniT’s 73 tasks", APPEARANCE, "expert"]
    assert (row["tasks"], row["of_tasks"]) == (5, 18)
    assert numbers["UniT’s 73 tasks", "Mean of 73 tasks", "expert"]["of_tasks"] == 73


def test_a_column_without_any_of_its_tasks_is_nan(make):
    numbers = make(lambda e: True, episodes=lambda q: [e for e in q if e.task.split == "unseen_appearance"])
    assert math.isnan(numbers["UniT’s 73 tasks", TYPES, "expert"]["value"])


def test_the_gap_is_taken_on_the_18_matched_pairs(make, tmp_path):
    inside = frames.read(
        make_run(tmp_path / "inside", lambda e: e.task.family != "articulated", suite="robocasa_gr1").path
    )
    numbers = make(lambda e: "Tray" not in e.task.name, beside=[inside])
    section = "ID–OOD gap on the 18 matched pairs"
    # All 18 matched tasks in-domain (the six articulated ones, all failures, have no partner), 13 of 18 outside: 5 / 18
    assert numbers[section, "In-domain", "expert"]["value"] == 1.0
    assert numbers[section, "Matched, unseen appearance", "expert"]["value"] == pytest.approx(13 / 18)
    gap = numbers[section, "Gap", "expert"]
    assert gap["value"] == pytest.approx(5 / 18)
    assert (gap["n"], gap["tasks"], gap["of_tasks"]) == (18, 18, 18)
    assert gap["low"] < 5 / 18 < gap["high"]
    # UniT, 100 demonstrations: 41.7 - 37.0
    assert numbers[section, "Gap", "VLA-UniT, few-shot"]["value"] == pytest.approx(0.047)


def test_there_is_no_gap_without_the_other_run(make):
    assert not [key for key in make(lambda e: True) if key[0].startswith("ID–OOD")]


def test_in_domain_families_and_tasks_stand_beside_published_ones(make):
    numbers = make(lambda e: e.task.family == "articulated", suite="robocasa_gr1")
    section = "24 in-domain tasks"
    assert numbers[section, "Mean of 24 tasks", "expert"]["value"] == pytest.approx(6 / 24)
    # made from the published cells: (38 + 32 + 60 + 54 + 38 + 50) / 6 = 45.3
    assert numbers[section, "Articulated (6)", "GR00T N1.5"]["value"] == pytest.approx(2.72 / 6)
    assert numbers[section, "Mean of 24 tasks", "FLARE"]["note"].startswith("(18 x 58.2 + 6 x 51.3) / 24 = 56.5")
    cell = numbers["Tasks", "PnPCupToDrawerClose", "VLA-UniT"]
    assert (cell["value"], cell["n"]) == (0.64, 50)
    assert (cell["low"], cell["high"]) == wilson(32, 50)


def test_a_suite_without_a_table_gets_its_splits_and_tasks(make):
    numbers = make(lambda e: e.task.name != "easy_0", suite=suite_of(easy=2, hard=3))
    assert numbers["Splits", "Easy", "expert"]["value"] == 0.5
    assert numbers["Splits", "Mean of 5 tasks", "expert"]["value"] == pytest.approx(0.8)
    assert numbers["Tasks", "easy_0", "expert"]["value"] == 0.0


@pytest.mark.parametrize("name", catalog.entries("tables"))
def test_every_table_gives_long_rows_that_hold_together(name, tmp_path):
    suite = name if name in catalog.entries("suites") else suite_of(one=3)
    folder = make_run(
        tmp_path / "run", lambda e: len(e.task.name) % 2 == 0, suite=suite, environment={"control_hz": 50.0}
    )
    if name.startswith("motion_"):
        track(folder)
    run = frames.read(folder.path)
    long = table.make([run])
    assert list(long.columns) == list(COLUMNS)
    assert catalog.resolve("tables", name).name == name
    for r in long.query("origin == 'run'").to_dict("records"):
        if name.startswith("motion_") and math.isnan(r["low"]):
            continue  # nobody survived, or it is the error of one motion
        assert r["n"] > 0
        assert 0 <= r["low"] <= r["value"] * (1 + 1e-12) and r["value"] <= r["high"] * (1 + 1e-12)
        assert r["high"] > r["low"] or name.startswith("motion_")  # every body is equally far off
        assert r["high"] <= 1 or r["unit"] != "%"
        assert run.manifest.protocol_hash in r["protocol"]


def test_every_number_of_one_set_of_tasks_has_one_interval(make):
    numbers = make(lambda e: len(e.task.name) % 2 == 0)
    ends = {(r["low"], r["high"]) for (_, c, system), r in numbers.items() if (c, system) == (APPEARANCE, "expert")}
    assert len(ends) == 1


def test_rounding_happens_in_the_layout_only(make, tmp_path):
    numbers = make(lambda e: e.task.name.startswith("EvalPnPNovelFromTray"))
    assert numbers["UniT’s 73 tasks", APPEARANCE, "expert"]["value"] == 5 / 18
    _written(tmp_path / "run")
    assert f"{5 / 18!r}" in (tmp_path / "run" / "table.csv").read_text()
    assert percent(5 / 18) == "27.8"
    assert percent(math.nan) == "–"


def test_markdown_and_latex_hold_the_numbers(make, tmp_path):
    make(lambda e: True)
    _written(tmp_path / "run")
    text = (tmp_path / "run" / "table.md").read_text()
    assert "| **expert** | 100.0 [82.4 – 100.0], n 18 |" in text
    assert "| VLA-UniT, few-shot | 37.0 [33.9 – 40.2], n 900 |" in text
    tex = latex(blocks(table.make([frames.read(tmp_path / "run")])))
    assert r"expert & 100.0 {\scriptsize [82.4 -- 100.0]}" in tex
    assert r"Plate $\to$ Bowl" in tex


def test_an_unfinished_run_says_so_and_shows_no_mean(tmp_path):
    make_run(tmp_path / "run", lambda e: None if e.task.split == "unseen_object_types" else True)
    text = _written(tmp_path / "run")[0]
    assert "UNFINISHED: 32 of 73 episodes are missing, so means over them are not shown." in " ".join(text.split())
    markdown = (tmp_path / "run" / "table.md").read_text()
    assert "UNFINISHED" in markdown
    assert "| –, n 41, 32 missing |" in markdown


def test_a_run_without_a_single_attempt_is_shown_as_such(tmp_path):
    make_run(tmp_path / "run", lambda e: None)
    assert "UNFINISHED: 73 of 73 episodes are missing" in " ".join(_written(tmp_path / "run")[0].split())


def test_an_episode_counts_by_its_last_attempt(tmp_path):
    folder = make_run(tmp_path / "run", lambda e: "ValueError: once")
    row = next(iter(folder.final_rows().values()))
    folder.append(type(row)(**{**vars(row), "attempt": 2, "status": "ok", "success": True, "error": ""}))
    run = frames.read(folder.path)
    assert run.attempts == 74
    assert frames.episodes([run])["success"].sum() == 1
    assert "1 attempts were repeated" not in _written(folder.path)[0]
    assert "1 attempt was repeated" in _written(folder.path)[0]


@pytest.mark.parametrize(
    ("task", "short"),
    [
        ("EvalPnPNovelFromPlateToBowlSplitB", "Plate → Bowl"),
        ("PnPCupToDrawerClose", "Cup → Drawer, close"),
        ("walk_forward", "walk_forward"),
    ],
)
def test_labels_are_short_and_unknown_names_stay(task, short):
    assert label(task) == short


@pytest.mark.parametrize("suite", ["robocasa_gr1", "robocasa_ood"])
def test_labels_are_unique_within_a_split(suite):
    seen = [(t.split, label(t.name)) for t in load_suite(suite).tasks]
    assert len(set(seen)) == len(seen)


def _written(folder):
    """Write a run's files; return what the terminal shows and the content of each file."""
    console = Console(file=io.StringIO(), width=100, color_system=None)
    write(folder, console)
    return console.file.getvalue(), *((folder / f).read_text() for f in ("table.md", "table.csv", "report.html"))
