"""The episodes of a run's page: a reader finds, sorts and opens them; a large run keeps its traces beside the page."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile

import numpy as np
import pytest

from crossbody.runs import save_trace
from reports import episodes, frames, html, table
from tests.synthetic import ENVIRONMENT, make_run
from tests.test_report import CHROMIUM, FLAGS

HZ = ENVIRONMENT | {"control_hz": 20}

PROBE = """<script>
const note = {}, by = id => document.getElementById(id), rows = () => [...by("episode-rows").querySelectorAll("tr:not(.detail)")];
const choose = (id, v) => { by(id).value = v; by(id).dispatchEvent(new Event("change")); };
const find = v => { by("find").value = v; by("find").dispatchEvent(new Event("input")); };
const column = k => rows().map(r => r.cells[k].textContent);
note.all = [rows().length, by("count").textContent, by("more").textContent];
by("more").click(); note.more = rows().length;
find("cup drawer"); note.found = column(1).slice(0, 1).concat(by("count").textContent);
find("no such thing"); note.nothing = rows().length; find("");
choose("by-outcome", "success"); note.won = [...new Set(column(0))]; choose("by-outcome", "");
document.querySelector(".endings button").click(); note.reason = [...new Set(column(3))]; choose("by-reason", "");
const head = k => document.querySelectorAll(".episodes thead button")[k];
head(4).click(); note.up = column(4).slice(0, 2); head(4).click(); note.down = column(4).slice(0, 1);
note.sorted = document.querySelector(".episodes th[aria-sort]").ariaSort;
rows()[0].click();
setTimeout(() => {
  note.lines = document.querySelectorAll(".detail polyline").length;
  note.panels = [...document.querySelectorAll(".detail figcaption")].map(e => e.textContent);
  rows()[0].click(); note.closed = document.querySelectorAll(".detail").length;
  note.wide = document.documentElement.scrollWidth <= innerWidth;
  document.body.dataset.note = btoa(unescape(encodeURIComponent(JSON.stringify(note))));
}, 1500);
</script>"""


def traced(path, per_task=6):
    """Return a run whose episodes all have a trace of an object that is carried, dropped, missed or never lifted."""
    folder = make_run(path, lambda e: e.index == 5, suite="robocasa_gr1", episodes_per_task=per_task, environment=HZ)
    lines = []
    for row in folder.final_rows().values():
        steps = 40 + row.index
        thing, goal = np.zeros((steps, 7), np.float32), np.zeros((steps, 7), np.float32)
        goal[:, 0] = 0.5
        if row.index in (1, 2):
            thing[10:30, 2] = 0.2
            thing[10:, 0] = 0.1 if row.index == 1 else 0.45
        success = np.zeros(steps, bool)
        success[-1] = bool(row.success)
        signals = {"object": thing, "container": goal, "state.left_arm": np.zeros((steps, 7), np.float32)}
        digest = save_trace(folder.trace_file(row.episode), success, signals)
        first = steps if row.success else None
        told = {"trace_hash": digest, "steps": steps, "first_success_step": first}
        lines.append(json.dumps({**vars(row), **told}) + "\n")
    (folder.path / "episodes.jsonl").write_text("".join(lines))
    return frames.read(folder.path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return traced(tmp_path_factory.mktemp("traced") / "run")


def test_each_failure_is_grouped_by_what_its_trace_shows(run):
    told = {t.id.rpartition("/")[2]: t for t in episodes.section(run).told}
    assert told["0000"].sentence == "never lifted by 4 cm, nor moved"
    assert told["0001"].sentence == "dropped at 1.5 s, and lies 40 cm from the container"
    assert told["0002"].sentence == "set down 5 cm from the container's middle, which the task does not accept"
    assert told["0005"].outcome == "success" and told["0005"].seconds == 45 / 20


def test_a_large_run_keeps_its_lines_beside_the_page(run, monkeypatch):
    monkeypatch.setattr(episodes, "SERIES_IN_PAGE", 1000)
    made = html.page([run], table.make([run]))
    assert list(made.files) == ["page/series-0.js", "page/series-1.js", "page/series-2.js"]  # 144 episodes, 50 a file
    content = made.files["page/series-2.js"].decode()
    assert content.startswith("crossbodySeries({") and len(json.loads(content[16:-3])) == 44


def test_text_of_a_run_cannot_leave_its_place_in_the_page(tmp_path):
    folder = make_run(tmp_path / "run", lambda e: "ValueError: </script><script>alert(1)</script>")
    read = frames.read(folder.path)
    assert "<script>alert" not in html.page([read], table.make([read])).text


@pytest.mark.parametrize("inside", [True, False])
def test_a_reader_finds_sorts_and_opens_episodes(run, inside, monkeypatch):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium` lets this test look at the page")
    if not inside:
        monkeypatch.setattr(episodes, "SERIES_IN_PAGE", 1000)
    made = html.page([run], table.make([run]))
    page = run.path / "probed.html"
    page.write_text(made.text.replace("</body>", PROBE + "</body>"))
    for name, content in made.files.items():
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).write_bytes(content)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=6000", "--dump-dom"]
        dom = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout
    note = json.loads(base64.b64decode(re.search(r'data-note="([^"]*)"', dom)[1]))
    assert note["all"] == [100, "144 of 144", "Show 44 more"] and note["more"] == 144
    assert note["found"] == ["Cup → Drawer, close", "6 of 144"] and note["nothing"] == 0
    assert note["won"] == ["success"] and note["reason"] == ["never grasped"]
    assert note["up"] == ["2.0", "2.0"] and note["down"] == ["2.3"] and note["sorted"] == "descending"
    assert note["panels"] == ["Success bit", "Object, cm", "Joints that move most, rad"] and note["lines"] == 1 + 2 + 7
    assert note["closed"] == 0 and note["wide"]
