"""The papers' tables as data: every one loads, renders in every format, and keeps what its source says."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pytest

from crossbody import catalog
from crossbody.errors import CrossbodyError, UnknownName
from crossbody.main import COMMANDS
from reports.papers import formats, tables
from reports.papers.grid import grid
from reports.papers.numbers import Number, find, published_numbers
from reports.papers.panels import panels

IDS = {
    "unit": "U1 U2 U3 U4 U5 U6 U7 U8a U8b U9 U10 U11 U12 U13 U14 U15 U16 U17 U18".split(),
    "humanoid_vla": "H1 H2 H3 H4 H5 R1 R2".split(),
}
TABLES = [table for paper in IDS for table in tables.of_paper(paper)]
NUMBERS = [number for table in TABLES for number in published_numbers(table)]

every_table = pytest.mark.parametrize("table", TABLES, ids=lambda t: t.id)

GOLDEN = """\
## U5. Real robot, out of distribution

UniT: chart of the five axes (published). https://xpeng-robotics.github.io/unit/

| System | # | Geometry, % ↑ | Distractor, % ↑ | Target, % ↑ | Background, % ↑ | Combinational, % ↑ | Ours |
|:---|---:|---:|---:|---:|---:|---:|---:|
| GR00T | 3 | 0.0 [0.0 – 11.4] | 10.0 [3.5 – 25.6] | 20.0 [8.1 – 41.6] | 20.0 [9.5 – 37.3] | 30.0 [10.8 – 60.3] | – not run |
| VLA-UniT w/o human | 2 | 23.33 [11.8 – 40.9] | 26.67 [14.2 – 44.5] | 45.0 [25.8 – 65.8] | 33.33 [19.2 – 51.2] | 20.0 [5.7 – 51.0] | – not run |
| VLA-UniT w/o human, text | – | – | – | – | – | 10 [1.8 – 40.4] | – not run |
| VLA-UniT w/ human | 1 | 63.33 [45.5 – 78.1] | 60.0 [42.3 – 75.4] | 65.0 [43.3 – 81.9] | 73.33 [55.5 – 85.8] | 70.0 [39.7 – 89.2] | – not run |

- Text and chart disagree on Combinational without human data: both rows are kept.
- VLA-UniT w/o human, text: the chart of the same page has 20.
- Not ranked: VLA-UniT w/o human, text.
- Not run. Cannot be run here: it needs the IRON-R01-1.11 robot.
"""

GOLDEN_LATEX = r"""\begin{table}
\caption{Kinematic fidelity of generated motion. Humanoid-VLA: Table 3.}
\label{tab:H3}
\begin{tabular}{lrrrrrr}
\toprule
System & \# & FID, HumanML3D~$\downarrow$ & Diversity, HumanML3D~$\uparrow$ & FID, Humanoid-S~$\downarrow$ & Diversity, Humanoid-S~$\uparrow$ & Ours \\
\midrule
MDM & 3 & 0.889 {\scriptsize [0.863, 0.915]} & 3.855 {\scriptsize [3.802, 3.908]} & 2.351 {\scriptsize [1.761, 2.941]} & 4.111 {\scriptsize [3.850, 4.372]} & -- \\
T2M-GPT & 2 & 0.531 {\scriptsize [0.511, 0.551]} & 4.555 {\scriptsize [4.497, 4.613]} & 1.101 {\scriptsize [0.912, 1.290]} & 4.199 {\scriptsize [3.981, 4.417]} & -- \\
Humanoid-VLA & 1 & 0.467 {\scriptsize [0.449, 0.485]} & 4.585 {\scriptsize [4.499, 4.671]} & 1.037 {\scriptsize [0.890, 1.184]} & 4.466 {\scriptsize [4.253, 4.679]} & -- \\
\bottomrule
\end{tabular}
\end{table}
"""


def test_every_table_of_both_papers_is_there():
    assert {paper: [t.id for t in tables.of_paper(paper)] for paper in tables.papers()} == IDS


@every_table
def test_a_table_renders_in_every_format(table):
    shown = grid(table, [])
    text = formats.markdown(shown)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert len(rows) == 2 + len(table.quantities if table.by_task else table.rows)
    assert formats.latex(shown).isascii()
    assert formats.latex(shown).count(r"\\") == len(rows) - 1
    assert len(list(csv.DictReader(io.StringIO(formats.numbers_csv(shown.numbers))))) == len(published_numbers(table))
    assert panels(shown)
    assert all(panel.svg.startswith("<svg") and "nan" not in panel.svg for panel in panels(shown))


@every_table
def test_a_table_without_a_run_of_ours_says_so_and_how_one_is_made(table):
    shown = grid(table, [])
    assert {s.verdict for s in shown.systems} == {"not_run"}
    said = formats.notes(shown)[-1]
    assert said.startswith("Not run")
    assert table.blocked in said if table.blocked else f"`{table.command}`" in said


def require_whole(number: Number) -> None:
    """Fail unless a number says what it is and where it comes from."""
    assert number.link.startswith("https://")
    assert all((number.paper, number.source, number.protocol, number.unit, number.text))
    assert math.isfinite(number.value)
    assert number.text in ("yes", "no") or float(number.text) == pytest.approx(number.value, abs=0.05 + 1e-9)
    assert math.isnan(number.low) or number.low <= number.value + 1e-9 <= number.high + 2e-9
    assert number.unit != "%" or 0 <= number.value <= 100


@every_table
def test_every_number_says_what_it_is_and_where_it_comes_from(table):
    for number in published_numbers(table):
        require_whole(number)


@pytest.mark.parametrize(
    "changed", [{"link": ""}, {"protocol": ""}, {"value": math.nan}, {"text": "67"}, {"low": 99.0}]
)
def test_a_number_that_says_less_would_be_found(changed):
    number = find(_table("U4"), "VLA-UniT w/ human", "pick_place")
    with pytest.raises(AssertionError):
        require_whole(replace(number, **changed))


def test_no_number_stands_twice():
    places = [(n.table, n.row, n.column) for n in NUMBERS]
    assert len(places) == len(set(places)) == 531


def test_the_golden_table_in_markdown():
    assert formats.markdown(grid(_table("U5"), [])).replace("\N{NO-BREAK SPACE}", " ") == GOLDEN


def test_the_golden_table_in_latex():
    assert formats.latex(grid(_table("H3"), [])) == GOLDEN_LATEX


@every_table
def test_the_command_that_makes_a_row_is_one_that_exists(table):
    program, name = [*table.command.split()[2:4], "", ""][:2]
    assert program in ("", "evaluate") or (program == "crossbody" and name in COMMANDS)


def test_columns_of_videos_are_metrics_that_exist():
    asked = {q.metric for t in TABLES if "score video" in t.command for q in t.quantities}
    assert asked == {"psnr_db", "ssim", "lpips_alex", "fvd", "epe_dis_px"}
    assert asked <= set(catalog.entries("metrics"))


def test_text_and_chart_that_disagree_are_two_rows_with_a_note():
    chart = find(_table("U5"), "VLA-UniT w/o human", "combinational")
    text = find(_table("U5"), "VLA-UniT w/o human, text", "combinational")
    assert (chart.value, text.value) == (20, 10)
    assert text.note == "the chart of the same page has 20"
    assert text.source != chart.source


def test_averages_of_other_kinds_are_other_measures():
    assert _table("U3").quantity("ood").measure == _table("U11").quantity("ood").measure == "ood_73"
    assert _table("U18").quantity("ood").measure == "ood_splits"


def test_a_number_of_another_protocol_is_shown_and_not_ranked():
    shown = grid(_table("U1"), [])
    outside = {s.name: s.unranked for s in shown.systems if s.unranked}
    assert set(outside) == {r.name for r in _table("U1").rows} - {"VLA-UniT"}
    assert outside["GR00T N1.6"].startswith("another protocol: n_envs 5")
    assert not any(s.rank for s in shown.systems)  # one row alone has no rank


def test_equal_numbers_share_a_rank():
    ranks = [s.rank for s in grid(_table("U6"), []).systems]
    assert ranks == [3, 3, 2, 1]


def test_lower_is_better_where_the_column_says_so():
    assert [s.rank for s in grid(_table("U7"), []).systems] == [3, 2, 1]


def test_a_printed_number_keeps_its_digits():
    assert find(_table("U7"), "Raw Action", "ssim").text == "0.820"
    assert find(_table("U3"), "VLA-UniT (robot only)", "articulated").text == "56.66"


def test_a_published_interval_is_wilsons_where_n_is_known():
    # 6 of 10: Wilson's interval is 31.3 to 83.2
    number = find(_table("U6"), "VLA-UniT w/ human", "stacking")
    assert (number.low, number.high) == (pytest.approx(31.27, abs=0.01), pytest.approx(83.18, abs=0.01))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("geometry = 63.33", "geometry = 633", "'VLA-UniT w/ human', geometry: 633 is not a percentage from 0 to 100"),
        ("geometry = 63.33", "geometri = 63.33", "'VLA-UniT w/ human' has a value for no column: geometri"),
        ('status = "published"', 'status = "rumour"', "status 'rumour' is none of published, third party"),
        ('system = "GR00T"', 'system = "VLA-UniT w/ human"', "two rows are called 'VLA-UniT w/ human'"),
        ("blocked =", "colour =", "unexpected keyword argument 'colour'"),
        ('link = "', 'rank_by = "speed"\nlonk = "', "Cannot overwrite a value"),
        ('rank_by = "geometry"', 'rank_by = "speed"', "rank_by names no column: 'speed'"),
        ('better = "higher"\nn = 30', 'better = "up"\nn = 30', "column geometry: better is 'up'"),
    ],
)
def test_a_table_with_a_mistake_is_named(tmp_path, old, new, message):
    text = (tables.FOLDER / "U5.toml").read_text()
    assert old in text
    file = tmp_path / "U5.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(CrossbodyError) as raised:
        tables.read(file)
    assert str(raised.value).startswith("U5.toml: ")
    assert message in str(raised.value)


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownName, match="unknown paper 'unnit'. Did you mean 'unit'?"):
        tables.of_paper("unnit")
    with pytest.raises(UnknownName, match="unknown column of U5 'geometri'. Did you mean 'geometry'?"):
        find(_table("U5"), "GR00T", "geometri")
    with pytest.raises(UnknownName, match="unknown number of U5"):
        find(_table("U5"), "VLA-UniT w/o human, text", "geometry")


def _table(name: str) -> tables.Table:
    return next(t for t in TABLES if t.id == name)
