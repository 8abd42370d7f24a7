"""The page of a paper: self-contained, sortable, in two themes, as a browser shows it."""

from __future__ import annotations

import csv
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from crossbody.main import main
from reports.papers import tables
from reports.papers.panels import _label
from tests.synthetic import ENVIRONMENT, make_run
from tests.test_report import CHROMIUM, FLAGS, Links

PROBE = """<script>
const note = {}, first = id => [...document.querySelectorAll(`#${id} tbody tr`)].map(r => r.cells[0].firstChild.textContent);
const head = (id, k) => document.querySelectorAll(`#${id} thead button`)[k];
note.printed = first("U7");
head("U7", 2).click(); note.down = first("U7");
head("U7", 2).click(); note.up = first("U7");
note.sorted = document.querySelector("#U7 th[aria-sort]").ariaSort;
head("U5", 6).click(); note.missing = first("U5");
head("U1", 0).click(); head("U1", 0).click(); note.names = first("U1");
const paper = () => getComputedStyle(document.body).backgroundColor;
note.before = paper(); document.getElementById("theme").click(); note.after = paper();
note.wide = document.documentElement.scrollWidth <= innerWidth;
setTimeout(() => {
  note.asked = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"));
  document.body.dataset.note = btoa(unescape(encodeURIComponent(JSON.stringify(note))));
}, 500);
</script>"""
"""Uses the page as a reader does, and writes what it found into the page, where --dump-dom shows it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both papers, UniT's with a run of ours."""
    root = tmp_path_factory.mktemp("papers")
    run = make_run(
        root / "run",
        lambda e: e.index % 3 != 2,
        suite="robocasa_gr1",
        agent="vla_unit",
        protocol="unit",
        episodes_per_task=6,
        environment=ENVIRONMENT | {"assets": "official 1 0123456789abcdef"},
    )
    (root / "empty").mkdir()
    for paper, runs in (("unit", ["--runs", str(run.path), str(root / "empty")]), ("humanoid_vla", [])):
        assert main(["report", "--paper", paper, "--out", str(root / paper), *runs]) == 0
    return root


@pytest.fixture(scope="module", params=["unit", "humanoid_vla"])
def text(folder, request):
    return (folder / request.param / "index.html").read_text()


@pytest.fixture(scope="module")
def seen(folder):
    """What the probe found."""
    import base64
    import json

    dom = _opened(folder / "unit" / "index.html")
    found = re.search(r'data-note="([^"]*)"', dom)
    assert found, "the probe did not run"
    return json.loads(base64.b64decode(found[1]))


def test_the_page_loads_nothing_from_elsewhere(text):
    links = Links()
    links.feed(text)
    assert links.loaded == ["data:,"]
    assert "@import" not in text
    assert not re.findall(r"url\((?!#)", text)


def test_links_within_the_page_lead_somewhere_and_ids_are_their_own(text):
    links = Links()
    links.feed(text)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links.followed if link.startswith("#")} <= set(ids)


def test_figures_draw_in_the_colours_of_the_page_only(text):
    svgs = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(svgs) > 10
    assert not [svg for svg in svgs if re.search(r"#[0-9a-f]{3,8}\b|rgb|style=", svg)]


def test_the_page_has_every_table_the_claims_and_the_legend(text):
    ids = re.findall(r'<section id="(\w+)">', text)
    paper = "unit" if "U1" in ids else "humanoid_vla"
    assert ids == ["claims", *(t.id for t in tables.of_paper(paper))]
    for said in ("inside the interval", "within the tolerance", "off with a known cause", "not run", "0.5 dB"):
        assert said in text


def test_the_page_shows_our_row_with_its_verdict_and_what_was_left_out(folder):
    text = (folder / "unit" / "index.html").read_text()
    assert re.search(
        r'66\.7</span> <span class="mark inside" title="inside the interval; printed for VLA-UniT">●', text
    )
    assert f"{folder}/empty holds neither episodes nor scores." in text


def test_the_command_says_which_folders_are_in_no_table(folder, capsys):
    (folder / "note.txt").write_text("runs/* may match a file")
    words = ["--runs", str(folder / "run"), str(folder / "empty"), str(folder / "note.txt")]
    assert main(["report", "--paper", "humanoid_vla", "--out", str(folder / "others"), *words]) == 0
    printed = capsys.readouterr().out
    assert f"Left out: {folder}/empty holds neither episodes nor scores." in printed
    assert f"Left out: {folder}/note.txt holds neither episodes nor scores." in printed
    assert f"Left out: {folder}/run has no number for a table of this paper." in printed
    assert "run has no number" in (folder / "others" / "index.html").read_text()


def test_a_name_that_is_too_long_for_a_figure_keeps_its_ends():
    assert _label("humanoid_tracker, D+S_1+S_N", 21) == "humanoid_t… D+S_1+S_N"
    assert len(_label("x" * 40, 21)) == 21 and _label("x" * 21, 21) == "x" * 21


def test_every_table_is_a_file_in_three_formats(folder):
    for paper in tables.papers():
        names = {f"{t.id}.{kind}" for t in tables.of_paper(paper) for kind in ("md", "tex", "csv")}
        assert {f.name for f in (folder / paper / "tables").iterdir()} == names
        rows = list(csv.DictReader((folder / paper / "numbers.csv").open()))
        assert {r["table"] for r in rows} == {t.id for t in tables.of_paper(paper)}
    text = (folder / "unit" / "tables.md").read_text()
    assert "| **vla_unit** | 2 | 66.7 [" in text
    assert "- **c8** (UniT, project page): “The Combinational axis" in text


def test_the_same_runs_write_the_same_bytes(folder):
    again = folder / "again"
    main(["report", "--paper", "unit", "--out", str(again), "--runs", str(folder / "run"), str(folder / "empty")])
    for name in ("index.html", "tables.tex", "numbers.csv"):
        assert (again / name).read_bytes() == (folder / "unit" / name).read_bytes()


def test_a_browser_sorts_by_a_heading_down_then_up(seen):
    assert seen["printed"] == ["Raw Action", "WM-Action", "WM-UniT"]
    assert seen["down"] == ["WM-UniT", "Raw Action", "WM-Action"]  # PSNR 21.32, 21.02, 20.86
    assert seen["up"] == ["WM-Action", "Raw Action", "WM-UniT"]
    assert seen["sorted"] == "ascending"


def test_a_browser_sorts_names_and_puts_what_is_missing_last(seen):
    assert seen["missing"] == ["VLA-UniT w/ human", "GR00T", "VLA-UniT w/o human", "VLA-UniT w/o human, text"]
    assert seen["names"][:3] == ["Diffusion Policy", "FAST (Qwen3-VL, starVLA)", "FLARE"]


def test_a_browser_changes_the_theme(seen):
    assert {seen["before"], seen["after"]} == {"rgb(251, 250, 247)", "rgb(20, 23, 26)"}


def test_a_browser_asks_for_nothing_and_the_page_fits_its_window(seen):
    assert seen["asked"] == []
    assert seen["wide"]


def _opened(page: Path) -> str:
    """Return the DOM of a page, with the probe's findings, after a browser has loaded it."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium` lets this test look at the page")
    probed = page.with_name("probed.html")
    probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=5000", "--dump-dom"]
        ran = subprocess.run([*command, probed.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return ran.stdout
