"""Our rows in the papers' tables: where they go, how they are judged, and when they are ranked."""

from __future__ import annotations

import json
import math

import pytest

from crossbody.main import main
from reports.papers import formats, inputs, tables
from reports.papers.grid import difference, grid
from reports.papers.numbers import Number
from reports.papers.reproduced import reproduced_numbers
from reports.papers.verdict import judged, legend, worst
from tests.synthetic import ENVIRONMENT, make_run

OFFICIAL = ENVIRONMENT | {"assets": "official 1 0123456789abcdef"}
TINY = {"training": {"options": {"size": "tiny"}, "data": [{"embodiment": "gr1", "episodes": 240}]}}


def two_of_three(episode):
    return episode.index % 3 != 2


def number(value: float, low: float = math.nan, high: float = math.nan, **changes) -> Number:
    fields = dict(paper="p", table="U1", row="r", column="c", value=value, text=f"{value:.1f}", low=low, high=high)
    fields |= dict(unit="%", better="higher", protocol="", unranked="", n=1, link="", origin="run", source="")
    return Number(**fields | changes)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of the paper's protocol on official assets, of its protocol on ours, and one of another chunk length."""
    root = tmp_path_factory.mktemp("runs")
    common = {"suite": "robocasa_gr1", "agent": "vla_unit", "protocol": "unit", "episodes_per_task": 6}
    make_run(root / "official", two_of_three, environment=OFFICIAL, **common)
    make_run(root / "generated", two_of_three, **common)
    make_run(root / "expert", lambda e: True, **common | {"agent": "expert", "protocol": "starvla"})
    ood = common | {"suite": "robocasa_ood", "environment": OFFICIAL}
    make_run(root / "ood", lambda e: False, **ood)
    make_run(root / "tiny", lambda e: False, **ood, agent_card=TINY)
    make_run(root / "torn", lambda e: None if e.task.family == "articulated" else True, **common | {"agent": "hold"})
    return root


def ours(table: str, *words: object) -> dict[tuple[str, str], Number]:
    own, _ = inputs.parse("unit", [str(word) for word in words])
    return {(n.row, n.column): n for n in reproduced_numbers(_table(table), own)}


def test_a_run_stands_in_the_tables_of_its_suite_with_n_and_interval(runs):
    found = ours("U1", runs / "official")
    overall = found["vla_unit", "overall"]
    assert (round(overall.value, 2), overall.n) == (66.67, 144)
    assert overall.low < 66.67 < overall.high
    assert {column for _, column in found} == {"overall", "pick_place", "articulated"}
    assert not ours("U7", runs / "official")


def test_an_agent_is_judged_by_the_row_that_it_reproduces(runs):
    overall = ours("U1", runs / "official")["vla_unit", "overall"]
    assert (overall.against, overall.verdict, round(overall.difference, 2)) == ("VLA-UniT", "inside", -0.03)
    assert overall.unranked == ""


@pytest.mark.parametrize(
    ("mine", "verdict"),
    [
        (number(50, 40, 60), "inside"),
        (number(50, 49, 51), "within"),
        (number(48, 47, 49), "off"),
        (number(48, 47, 49, unranked="another protocol"), "known"),
        (number(48, 47, 49, cause="a tiny model"), "known"),
        (number(49), "within"),
        (number(math.nan), ""),
    ],
)
def test_the_legend_judges_by_interval_then_tolerance_then_cause(mine, verdict):
    assert judged(mine, number(54)).verdict == verdict


@pytest.mark.parametrize(
    ("unit", "printed", "near", "far"),
    [("dB", 21.0, 21.5, 21.6), ("1–5", 3.0, 3.25, 3.3), ("fraction", 0.5, 0.55, 0.56), ("mm", 36.0, 37.8, 37.9)],
)
def test_other_units_have_tolerances_of_their_own(unit, printed, near, far):
    assert judged(number(near, unit=unit), number(printed, unit=unit)).verdict == "within"
    assert judged(number(far, unit=unit), number(printed, unit=unit)).verdict == "off"


@pytest.mark.parametrize(
    ("unit", "gap", "shown"), [("%", -53.44, "−53.4"), ("dB", 0.0123456, "+0.0123"), ("1", 1165.67, "+1165.7")]
)
def test_a_difference_has_its_sign_and_no_power_of_ten(unit, gap, shown):
    assert difference(number(1.0, unit=unit, difference=gap)) == shown


def test_the_worst_verdict_stands_for_a_row():
    assert worst({"inside", "off"}) == "off"
    assert worst({"inside", "within"}) == "within"
    assert worst(set()) == "not_run"
    assert list(legend()) == ["inside", "within", "known", "off", "not_run"]


def test_rows_under_another_protocol_are_shown_and_not_ranked(runs):
    own, _ = inputs.parse("unit", [str(runs / name) for name in ("official", "generated", "expert")])
    shown = {s.name: s for s in grid(_table("U1"), reproduced_numbers(_table("U1"), own)).systems}
    assert shown["vla_unit (official)"].rank == 2
    assert shown["VLA-UniT"].rank == 1
    assert shown["vla_unit (generated)"].rank == 0
    assert shown["vla_unit (generated)"].unranked == "generated assets instead of the official ones"
    assert shown["expert"].unranked == "chunk 12 instead of 16; generated assets instead of the official ones"
    assert shown["expert"].numbers["overall"].value == 100


def test_a_difference_under_the_same_protocol_is_off_and_a_small_model_is_a_known_cause(runs):
    off, known = ours("U11", runs / "ood"), ours("U11", runs / "tiny")
    assert off["vla_unit", "ood"].verdict == "off"
    assert known["vla_unit", "ood"].verdict == "known"
    assert known["vla_unit", "ood"].cause == "a tiny model trained on 240 episodes of gr1"
    own, _ = inputs.parse("unit", [str(runs / "tiny")])
    notes = formats.notes(grid(_table("U11"), reproduced_numbers(_table("U11"), own)))
    assert "vla_unit: a tiny model trained on 240 episodes of gr1." in notes


def test_both_suites_of_an_agent_share_a_row(runs):
    found = ours("U3", runs / "official", runs / "ood")
    assert {row for row, _ in found} == {"vla_unit"}
    assert {column for _, column in found} == {q.key for q in _table("U3").quantities}


def test_a_run_is_given_for_a_row_by_name(runs):
    found = ours("U3", f"VLA-UniT + human={runs / 'official'}")
    assert {n.against for n in found.values()} == {"VLA-UniT + human"}
    assert found["vla_unit", "in_domain"].verdict == "off"
    assert not ours("U1", f"VLA-UniT + human={runs / 'official'}")  # it has no such row


def test_a_run_on_a_figures_axis_needs_its_column(runs):
    assert not ours("U2", runs / "official")
    found = ours("U2", f"U2/VLA-UniT/demos_100={runs / 'official'}")
    assert [(n.column, n.against) for n in found.values()] == [("demos_100", "VLA-UniT")]


def test_every_task_has_its_number(runs):
    found = ours("U15", runs / "official")
    task = found["vla_unit", "PnPCupToDrawerClose"]
    assert (round(task.value, 2), task.n, task.against) == (66.67, 6, "GR1 full")
    assert len(found) == 27


def test_missing_episodes_are_no_number_and_said(runs):
    found = ours("U1", runs / "torn")
    assert math.isnan(found["hold", "overall"].value)
    assert "not all episodes are there: `uv run crossbody resume" in found["hold", "overall"].note
    assert found["hold", "pick_place"].value == 100
    assert "– ●" not in formats.markdown(grid(_table("U1"), list(found.values())))


def test_scores_stand_in_the_table_that_is_named_with_their_floors(tmp_path):
    folder = _scores(tmp_path / "mine")
    found = ours("U7", f"U7/WM-UniT={folder}")
    psnr = found["mine", "psnr"]
    assert (psnr.value, psnr.low, psnr.high, psnr.n, psnr.verdict) == (21.4, 21.0, 21.8, 32, "inside")
    assert psnr.protocol == "256x256, 16 frames, 10 fps"
    assert psnr.unranked.startswith("the published protocol is not known")
    assert found["mine, still", "psnr"].against == ""
    assert math.isnan(found["mine", "fvd"].value)
    assert found["mine", "fvd"].note == "FVD needs 10 frames"


def test_motions_stand_in_the_table_of_their_evaluator_and_once(tmp_path):
    folder = tmp_path / "motions"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"kind": "score-motion"}))
    about = {"system": "prediction", "n": 64, "frames": "40", "fps": "20", "note": "", "low": None, "high": None}
    rows = [
        about | {"metric": "fid_t2m", "value": 0.5, "weighting": "", "embedding": "t2m"},
        about | {"metric": "fid_matcher", "value": 0.7, "weighting": "", "embedding": "matcher"},
        about | {"metric": "mpjpe_global_mm", "value": 40.0, "weighting": "frames", "embedding": ""},
        about | {"metric": "mpjpe_global_mm", "value": 41.0, "weighting": "clips", "embedding": ""},
    ]
    (folder / "table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {}
    for table in ("R1", "H3", "H2"):
        own, _ = inputs.parse("humanoid_vla", [f"{table}={folder}"])
        found[table] = reproduced_numbers(_table(table), own)
    assert [(n.column, n.value) for n in found["R1"]] == [("fid", 0.5)]
    assert found["R1"][0].protocol == "40 frames, 20 fps, embedding t2m"
    assert [(n.column, n.value) for n in found["H3"]] == [("fid_humanml3d", 0.7)]
    assert [n.value for n in found["H2"]] == [40.0]


def test_every_metric_that_a_table_takes_is_one_that_a_command_prints():
    from evaluators.metric import metrics_of

    printed = {name for kind in ("video_pair", "video_sets", "motion_pair", "motion") for name in metrics_of(kind)}
    through = {name for kind in ("motion_sets", "motion_draws") for name in metrics_of(kind)}
    printed |= {f"{name}_{embedding}" for name in through for embedding in ("kinematic", "matcher", "t2m")}
    printed |= {"semantic", "temporal", "geometric", "overall"}
    taken = {q.metric for paper in ("unit", "humanoid_vla") for t in tables.of_paper(paper) for q in t.quantities}
    assert taken - {""} <= printed and len(taken) > 10


@pytest.mark.parametrize(("judge", "verdict"), [("language_model", "inside"), ("motion_statistics", "")])
def test_judged_pairs_stand_beside_their_row_and_only_a_language_model_is_compared(tmp_path, judge, verdict):
    folder = tmp_path / "judged"
    folder.mkdir()
    about = {"judge": judge, "provider": "any", "model": "model-1"}
    score = {"value": 3.9, "low": 3.7, "high": 4.1, "n": 40}
    rows = [{"direction": "robot->human", "method": "WM-UniT", "scores": {"semantic": score, "overall": score}}]
    (folder / "summary.json").write_text(json.dumps({"settings": about, "rows": rows}))
    found = ours("U10", f"U10={folder}")
    semantic = found["robot->human: WM-UniT (model-1)", "semantic"]
    assert (semantic.verdict, semantic.against) == (verdict, "Robot → human: WM-UniT" if verdict else "")


def test_what_is_no_run_is_left_out_and_said(tmp_path, runs):
    (tmp_path / "other").mkdir()
    scores = _scores(tmp_path / "mine")
    own, left_out = inputs.parse("unit", [str(tmp_path / "other"), str(scores), str(runs / "official")])
    assert [g.folder.name for g in own] == ["official"]
    assert left_out == [
        f"{tmp_path}/other holds neither episodes nor scores.",
        f"{scores} holds scores: say for which table, as in U7={scores}.",
    ]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nowhere", "--runs nowhere: there is no folder nowhere. Give run folders, or PLACE=FOLDER"),
        ("U99={}", "no table of 'unit' has that id or such a row. Tables: U1, U2"),
        ("U7/WM-Unit={}", "unknown row of U7 'WM-Unit'. Did you mean 'WM-UniT'?"),
        ("U2/VLA-UniT/demos={}", "unknown column of U2 'demos'. Did you mean 'demos_100'?"),
    ],
)
def test_a_place_that_is_not_there_is_named(runs, capsys, tmp_path, word, message):
    command = ["report", "--paper", "unit", "--out", str(tmp_path / "out"), "--runs", word.format(runs / "official")]
    assert main(command) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def _scores(folder):
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"kind": "score-video"}))
    about = {"n": 32, "resolution": "256x256", "frames": "16", "fps": "10", "backbone": "", "note": ""}
    psnr = about | {"metric": "psnr_db", "value": 21.4, "low": 21.0, "high": 21.8}
    fvd = about | {"metric": "fvd", "value": None, "low": None, "high": None, "note": "FVD needs 10 frames"}
    rows = [psnr | {"system": "prediction"}, psnr | {"system": "still"}, fvd | {"system": "prediction"}]
    (folder / "table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def _table(name: str) -> tables.Table:
    return next(t for paper in ("unit", "humanoid_vla") for t in tables.of_paper(paper) if t.id == name)
