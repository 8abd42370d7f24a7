"""The page of a run: what it holds, that it is self-contained, and that a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from crossbody.main import main
from crossbody.runs import RunFolder
from reports import episodes, frames, html, table
from tests.data.make_run_small import RUN
from tests.synthetic import make_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

PROBE = """<script>
const done = v => v.dataset.seconds = v.duration.toFixed(1);
document.querySelectorAll('#episode-rows tr').forEach(tr => tr.click());
document.querySelectorAll('video').forEach(v => v.readyState > 0 ? done(v) : v.addEventListener('loadedmetadata', () => done(v)));
setInterval(() => document.body.dataset.asked = performance.getEntriesByType('resource').map(e => e.name).join(' '), 100);
</script>"""
"""Writes what the browser knows of each video, and what it asked for, into the page, where --dump-dom shows it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The small run with two videos, one small enough to go into the page and one that is not."""
    path = tmp_path_factory.mktemp("run") / "run_small"
    shutil.copytree(RUN, path)
    run = RunFolder(path)
    lost = [row for row in run.final_rows().values() if row.success is not True]
    _video(run.video_file(lost[0].episode), noise=0)
    _video(run.video_file(lost[1].episode), noise=90)
    assert (
        run.video_file(lost[0].episode).stat().st_size
        < episodes.EMBED_EACH
        < run.video_file(lost[1].episode).stat().st_size
    )
    assert main(["report", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def dom(folder):
    """The page after a browser has loaded it."""
    return _opened(folder / "report.html")


class Links(HTMLParser):
    """Collects what a page loads by itself, and what its reader may follow."""

    def __init__(self):
        super().__init__()
        self.loaded, self.followed = [], []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "src" or (name == "href" and tag == "link"):
                self.loaded.append(value)
            elif name == "href" and tag == "a":
                self.followed.append(value)


def test_the_page_loads_nothing_from_elsewhere(text, folder):
    links = Links()
    links.feed(text)
    assert links.loaded
    assert all(link.startswith(("data:", "video/")) for link in links.loaded)
    assert all((folder / link).exists() for link in links.loaded if link.startswith("video/"))
    assert "@import" not in text
    assert not re.findall(r"url\((?!#)", text)
    assert not re.findall(r"<script[^>]*src", text)


def test_links_within_the_run_lead_to_its_files(text, folder):
    links = Links()
    links.feed(text)
    inside = [link for link in links.followed if not link.startswith(("https://", "#"))]
    assert {"manifest.json", "episodes.jsonl", "table.csv", "table.md"} <= set(inside)
    anchors = [link[1:] for link in links.followed if link.startswith("#")]
    assert all(f'id="{anchor}"' in text for anchor in anchors)


def test_a_small_video_is_in_the_page_and_a_large_one_beside_it(text):
    sources = [r["video"] for r in _told(text) if r["video"]]
    assert sorted(s.partition("/")[0] for s in sources) == ["data:video", "video"]


def test_the_page_holds_protocol_versions_assets_and_the_command(text, folder):
    manifest = frames.read(folder).manifest
    for fact in (
        manifest.protocol_hash,
        "generated 1 0123456789abcdef",
        "chunk_end",
        "run_eval.sh",
        "praxis-robocasa-gr1 0.2.0",
    ):
        assert fact in text
    assert "<pre>uv run evaluate --agent made_up --suite robocasa_ood</pre>" in text


def test_every_id_of_the_page_is_its_own(text):
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_figures_draw_in_the_colours_of_the_page_only(text):
    svgs = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(svgs) == 12  # eight columns beside published ones, four groups of tasks
    assert not [c for svg in svgs for c in re.findall(r"#[0-9a-f]{6}\b", svg) if c != "#000000"]


def test_failures_say_why(tmp_path):
    def outcome(e):
        return "ValueError: <no> & such" if e.task.name == "PnPCanToCabinetClose" else e.task.family != "articulated"

    run = frames.read(make_run(tmp_path / "run", outcome).path)
    page = html.page([run], table.make([run])).text
    assert "error: ValueError: &lt;no&gt; &amp; such" in page
    assert '<tr><td>8 ×</td><td><button type="button" data-reason="no reason is known">' in page
    assert "such as: no success within 720 steps" in page


def test_a_success_in_passing_is_told_from_none(tmp_path):
    folder = make_run(tmp_path / "run", lambda e: None if "BasketSplitB" in e.task.name and not e.index else False)
    spec = next(e for e in folder.manifest().episodes if e.id not in folder.final_rows())
    row = next(iter(folder.final_rows().values()))
    own = {"episode": spec.id, "task": spec.task.name, "index": spec.index, "seed": spec.seed, "first_success_step": 31}
    folder.append(type(row)(**{**vars(row), **own}))
    run = frames.read(folder.path)
    told = {t.id: t for t in episodes.section(run).told}
    assert told[spec.id].sentence == "succeeded in passing at step 31, not under the protocol's rule"
    assert {t.reason for t in told.values()} == {"succeeded in passing", "no reason is known", "missing"}


def test_a_run_without_failures_has_a_page(tmp_path):
    run = frames.read(make_run(tmp_path / "run", lambda e: True).path)
    assert "<p>No episode failed.</p>" in html.page([run], table.make([run])).text


def test_an_unfinished_run_has_a_banner(tmp_path):
    run = frames.read(make_run(tmp_path / "run", lambda e: None if "Bowl" in e.task.name else True).path)
    page = html.page([run], table.make([run], show_missing=True)).text
    assert '<p class="banner">UNFINISHED: 8 of 73 episodes are missing' in page
    assert f"<code>uv run crossbody resume {tmp_path}/run</code>" in page


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({}, "This agent has no weights and no training data on record."),
        ({"weights": "abc"}, "has no pretraining entry, so it may have seen these tasks."),
        ({"pretraining": "EgoDex"}, "The agent’s card says of its pre-training: EgoDex."),
    ],
)
def test_out_of_distribution_is_said_to_be_relative(tmp_path, card, said):
    run = frames.read(make_run(tmp_path / "run", lambda e: True, agent_card=card).path)
    note = html.contamination(run)
    assert note.startswith("“Unseen” is relative to the 24 post-training tasks")
    assert said in note


def test_an_in_domain_run_has_no_such_note(tmp_path):
    assert html.contamination(frames.read(make_run(tmp_path / "run", lambda e: True, suite="robocasa_gr1").path)) == ""


def test_the_command_refuses_an_unfinished_run_and_shows_it_when_told(tmp_path, capsys):
    make_run(tmp_path / "run", lambda e: None if "Bowl" in e.task.name else True)
    assert main(["report", f"{tmp_path}/run"]) == 2
    assert "give --show-missing to see what there is" in capsys.readouterr().err
    assert not (tmp_path / "run" / "report.html").exists()
    assert main(["report", f"{tmp_path}/run", "--show-missing"]) == 0
    assert (tmp_path / "run" / "report.html").exists()


def test_the_command_writes_latex_when_told(tmp_path):
    make_run(tmp_path / "run", lambda e: True)
    assert main(["report", f"{tmp_path}/run", "--latex", f"{tmp_path}/table.tex"]) == 0
    assert r"\begin{tabular}" in (tmp_path / "table.tex").read_text()


def test_a_browser_shows_the_numbers_of_the_table(dom, folder):
    long = table.make([frames.read(folder)])
    for r in long.query("origin == 'run' and group == ''").to_dict("records"):
        assert f"<span>{100 * r['value']:.1f}</span><small>{100 * r['low']:.1f} – {100 * r['high']:.1f}</small>" in dom


def test_a_browser_asks_for_nothing_from_elsewhere(dom):
    assert all(url.startswith(("file:", "data:")) for url in _asked(dom))


def test_a_page_that_asked_for_something_would_be_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html><body><img src='http://127.0.0.1:9/dot.png'></body></html>")
    assert _asked(_opened(page)) == ["http://127.0.0.1:9/dot.png"]


def test_a_browser_can_play_the_videos(dom):
    assert re.findall(r'data-seconds="([\d.]+)"', dom) == ["1.0", "1.0"]


def _told(text: str) -> list[dict]:
    """Return the episodes that a page's script reads."""
    data = json.loads(re.search(r'id="episodes-data">(.*?)</script>', text, re.DOTALL)[1])
    return [dict(zip(data["fields"], row, strict=True)) for row in data["rows"]]


def _opened(page: Path) -> str:
    """Return the DOM of a page, with the probe's findings, after a browser has loaded it."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium` lets this test look at the page")
    probed = page.with_name("probed.html")
    probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=10000", "--dump-dom"]
        ran = subprocess.run([*command, probed.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return ran.stdout


def _asked(dom: str) -> list[str]:
    found = re.search(r'data-asked="([^"]*)"', dom)
    assert found, "the probe did not run"
    return found[1].split()


def _video(file: Path, noise: int) -> None:
    import av

    rng = np.random.default_rng(0)
    file.parent.mkdir(exist_ok=True)
    with av.open(str(file), "w") as out:
        stream = out.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for i in range(20):
            picture = rng.integers(0, noise + 1, (240, 320, 3)).astype(np.uint8)
            picture[100:140, 8 * i : 8 * i + 40] = 230
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
