"""Run folders that are damaged or forged: one sentence that names the fault, never a traceback,
a hang or another number."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from crossbody.errors import RunFolderError
from crossbody.main import main
from crossbody.runs import RunFolder, save_trace
from crossbody.traces import LARGEST_TRACE, DamagedTrace, load_trace
from evaluators.commands.finish import finish
from reports import frames
from tests.running import run
from tests.synthetic import make_run

VARIANTS = int(os.environ.get("CROSSBODY_FUZZ", "20"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A small run with its tables; tests damage copies of it."""
    from rich.console import Console

    folder = run(tmp_path_factory.mktemp("sound") / "r", limit=4)
    finish(folder.path, Console(file=io.StringIO()))
    return folder.path


@pytest.fixture
def copy(sound, tmp_path):
    target = tmp_path / "r"
    shutil.copytree(sound, target)
    return RunFolder(target)


def change_row(folder: RunFolder, number: int, **changes: object) -> None:
    """Change fields of the row in a line (from 0)."""
    file = folder.path / "episodes.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows[number] |= changes
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def refusal(folder: RunFolder, capsys, *command: str) -> str:
    """Return the one sentence with which a command refuses the folder."""
    capsys.readouterr()
    assert main([*(command or ("report",)), str(folder.path)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"success": "false"}, "success is text ('false'), not true or false or null"),
        ({"success": 1}, "success is a whole number ('1'), not true or false or null"),
        ({"success": None}, "status is ok, but success is null"),
        ({"status": "won"}, "status is text ('won'), not one of ok, error, timeout, crashed"),
        ({"steps": True}, "steps is true or false ('True'), not a whole number"),
        ({"steps": 10**30}, "steps is a whole number of 31 digits; at most 19 are read"),
        ({"attempt": 0}, "attempt is 0, below 1"),
        ({"elapsed_s": float("nan")}, "elapsed_s is a number ('nan'), not a finite number"),
        ({"index": 7}, "but task and index are A and 7"),
        ({"colour": "red"}, "colour is no field of it"),
    ],
)
def test_a_row_of_another_type_is_refused_with_field_and_value(copy, capsys, changes, words):
    change_row(copy, 0, **changes)
    said = refusal(copy, capsys)
    assert f"{copy.path / 'episodes.jsonl'}, line 1 is not an episode row: " in said
    assert words in said


def test_a_second_row_of_an_episode_with_another_outcome_is_refused_not_believed(copy, capsys):
    file = copy.path / "episodes.jsonl"
    first = json.loads(file.read_text().splitlines()[0])
    for attempt in (1, 2):
        flipped = {**first, "success": not first["success"], "attempt": attempt}
        file.write_text(file.read_text() + json.dumps(flipped) + "\n")
        assert refusal(copy, capsys) == (
            f"error: {file}, line 5 is attempt {attempt} of A/0000, but line 1 is its attempt 1, which has an outcome. "
            "Remove the line that no run has recorded.\n"
        )
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:4]))


def test_a_row_of_another_run_is_refused(copy, capsys):
    change_row(copy, 1, seed=5)
    assert "episodes.jsonl has a row of B/0000 that is not of the run in manifest.json: its seed is" in refusal(
        copy, capsys
    )


def test_a_row_that_lacks_its_newline_counts_and_is_kept_by_the_next_row(copy):
    file = copy.path / "episodes.jsonl"
    before = copy.attempts()
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert copy.attempts() == before
    last = file.read_bytes().splitlines(keepends=True)[:3]
    file.write_bytes(b"".join(last).rstrip(b"\n"))
    copy.append(before[3])
    assert copy.attempts() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trace_hash": "0" * 16}, "has the hash {hash}, but its row says 0000000000000000"),
        ({"success": True}, "gives success False, but its row says True"),
        ({"steps": 39}, "gives steps 40, but its row says 39"),
    ],
)
def test_a_trace_that_does_not_bear_its_row_out_is_named_and_its_episode_missing(copy, capsys, changes, words):
    number, row = next((i, r) for i, r in enumerate(copy.attempts()) if not r.success)
    change_row(copy, number, **changes)
    trace = copy.trace_file(row.episode)
    reason = f"the trace {trace} {words.format(hash=row.trace_hash)}"
    assert refusal(copy, capsys) == (
        f"error: {copy.path}: 1 of 4 episodes cannot be believed ({row.episode}: {reason}). Remove the rows of "
        "these episodes "
        f"from episodes.jsonl and run them again with `uv run crossbody resume {copy.path}`, or give "
        "--show-missing to see what "
        "there is.\n"
    )
    assert main(["report", str(copy.path), "--show-missing"]) == 0
    assert "1 of 4 episodes are missing" in capsys.readouterr().out
    assert frames.read(copy.path).missing == [row.episode]


def test_a_sound_run_is_believed(sound):
    assert frames.read(sound).doubts == {} and frames.read(sound).missing == []


def _bomb(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("success.npy", "w") as out:
        for _ in range(LARGEST_TRACE // 2**24 + 1):
            out.write(bytes(2**24))


def _giant(file: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (42_000_000_000,)})
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("success.npy", header.getvalue() + b"12345678")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _pickled(file: Path) -> None:
    np.savez(file, success=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.write_bytes(b""), "is empty (0 bytes)"),
        (lambda file: file.unlink(), "is absent"),
        (lambda file: file.write_bytes(file.read_bytes()[:-30]), "cannot be read (File is not a zip file)"),
        (_bomb, "would unpack to over 536,870,912 bytes or 1000 arrays"),
        (_giant, "claims an array (42000000000,) of float64 in 8 bytes"),
        (_pickled, "holds object, which is no array of numbers"),
        (
            lambda file: save_trace(file, [True], {"x": np.zeros(2)}),
            "has 1 success bits, but signal.x is of the shape (2,)",
        ),
        (lambda file: np.savez(file, other=np.zeros(2)), "has no list of success bits"),
    ],
)
def test_a_damaged_trace_is_one_sentence_and_costs_its_episode_alone(copy, capsys, damage, words):
    trace = copy.trace_file("A/0000")
    damage(trace)
    with pytest.raises(DamagedTrace) as caught:
        load_trace(trace)
    assert str(caught.value) == f"the trace {trace} {words}"
    assert f"A/0000: the trace {trace} {words}" in refusal(copy, capsys)
    assert main(["rescore", str(copy.path), "--rule", "any_step"]) == 1
    assert f"A/0000 is missing: the trace {trace} {words}, so it cannot be judged again." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"[]", "the manifest is a list ('[]'), not a table"),
        (b"[" * 100_000, "nests too deep"),
        (
            b'{"format": 1, "seed": ' + b"7" * 5000 + b"}",
            "is not JSON that can be read (Exceeds the limit (4300 digits)",
        ),
        (b"\xff\xfe", "is not text in UTF-8 (byte 0)"),
        (b'{"format": 1}', "tasks is null ('None'), not a list"),
    ],
)
@pytest.mark.parametrize("command", [("report",), ("resume",), ("rescore", "--rule", "final")])
def test_a_damaged_manifest_is_one_sentence(copy, capsys, content, words, command):
    (copy.path / "manifest.json").write_bytes(content)
    said = refusal(copy, capsys, *command)
    assert said.startswith(f"error: {copy.path / 'manifest.json'} cannot be read: {words}")
    assert said.endswith("The run must be started anew.\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"episodes": [["A", 0]]}, "episodes[0] has 2 values, not task, index and seed"),
        ({"episodes": []}, "its queue has no episode"),
        ({"episodes": [["Z", 0, 1]]}, "episodes[0] is of the task Z, which is not among its tasks"),
        ({"seed": "0"}, "seed is text ('0'), not a whole number"),
        ({"environment": {"control_hz": "fast"}}, "environment.control_hz is text ('fast'), not a number"),
        ({"protocol": {"name": "x"}}, "protocol.episodes_per_task is missing"),
    ],
)
def test_a_manifest_with_a_wrong_field_names_it(copy, capsys, change, words):
    file = copy.path / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    assert words in refusal(copy, capsys)


def test_a_manifest_with_a_byte_order_mark_is_read(copy):
    before, file = copy.manifest(), copy.path / "manifest.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert copy.manifest() == before


def test_a_pipe_in_the_place_of_a_file_does_not_hang(copy, capsys):
    _pipe(copy.trace_file("A/0000"))
    for command in (("report",), ("rescore", "--rule", "any_step")):
        assert (
            "is a link, a pipe or a folder" in (said := refusal(copy, capsys, *command)) or "a pipe or a device" in said
        )
    for name in ("episodes.jsonl", "manifest.json"):
        _pipe(copy.path / name)
        assert "a pipe" in refusal(copy, capsys)


def test_an_endless_line_is_refused_before_it_is_read_into_memory(copy, capsys):
    with (copy.path / "episodes.jsonl").open("ab") as out:
        out.truncate(1 << 29)  # sparse
    assert "line 5 is longer than 1,048,576 bytes, so it is not an episode row." in refusal(copy, capsys)


@pytest.mark.parametrize("kind", ["traces", "video"])
def test_a_link_in_a_run_is_neither_copied_nor_embedded(copy, capsys, tmp_path, kind):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"the content of another file")
    row = next(r for r in copy.attempts() if not r.success)
    link = copy.path / kind / copy.video_file(row.episode).name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(secret)
    assert main(["report", str(copy.path)]) == 0
    page = (copy.path / "report.html").read_text()
    assert "data:video" not in page and "<video" not in page
    assert refusal(copy, capsys, "rescore", "--rule", "any_step") == (
        f"error: {link} is a link, a pipe or a folder, which no run makes. Put what it leads to in its place, "
        "or remove it.\n"
    )
    assert not (tmp_path / "r-any_step").exists()


def test_lone_surrogates_and_control_characters_of_a_row_are_shown_as_escapes(copy, capsys):
    change_row(copy, 0, instruction="pick \ud800 \x1b[2J", status="error", success=None, error="[/INST] \ud83d :smile:")
    assert main(["report", str(copy.path)]) == 0
    page = (copy.path / "report.html").read_text()
    told = json.loads(re.search(r'id="episodes-data">(.*?)</script>', page, re.DOTALL)[1])["rows"]
    assert any("pick \\ud800 \\x1b[2J" in row for row in told) and "[/INST] \\ud83d :smile:" in page


def test_an_error_text_is_cut_when_it_is_read(copy):
    change_row(copy, 0, status="error", success=None, error="x" * 500_000)
    error = copy.attempts()[0].error
    assert error.endswith("… (500,000 characters in all)") and len(error) < 2100


def test_no_cell_of_a_csv_table_is_a_formula(tmp_path, capsys):
    make_run(tmp_path / "r", lambda e: True, agent="=HYPERLINK(1)", suite="robocasa_gr1")
    assert main(["report", f"{tmp_path}/r"]) == 0
    table = (tmp_path / "r" / "table.csv").read_text()
    assert "'=HYPERLINK(1)" in table and ",=" not in table


def test_names_with_brackets_are_printed_as_they_are(tmp_path, capsys):
    make_run(tmp_path / "[/red] r", lambda e: "ValueError: [/INST]", agent="[bold]me[/bold]", suite="robocasa_gr1")
    assert main(["report", f"{tmp_path}/[/red] r"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "[bold]me[/bold] · RoboCasa" in printed and "/[/red] r/table.md" in printed


def test_successes_have_their_videos_and_the_page_lists_every_file(copy):
    for row in copy.attempts():
        copy.video_file(row.episode).write_bytes(b"....ftyp")
    assert main(["report", str(copy.path)]) == 0
    page = (copy.path / "report.html").read_text()
    told = json.loads(re.search(r'id="episodes-data">(.*?)</script>', page, re.DOTALL)[1])
    videos = [row for row in told["rows"] if row[told["fields"].index("video")]]
    assert len(videos) == 4 and any("success" in row for row in videos)
    for name in ("manifest.json", "episodes.jsonl", "metrics.parquet", "table.csv", "table.md", "video/", "scenes/"):
        assert f'<a href="{name}">{name}</a>' in page


def test_damaged_metrics_are_one_sentence(copy):
    (copy.path / "metrics.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RunFolderError, match=r"metrics.parquet is damaged: .* Remove it; `uv run crossbody resume"):
        frames.metrics(copy.path)


def _mutate(rng: random.Random, file: Path) -> None:
    """Damage a file in one of the ways in which files are damaged, or lies in which they are forged."""
    content = bytearray(file.read_bytes())
    at = rng.randrange(len(content))
    kind = rng.choice(("flip", "cut", "drop", "double", "zero", "word", "line"))
    if kind == "flip":
        content[at] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del content[at:]
    elif kind == "drop":
        del content[at : at + rng.randrange(1, 40)]
    elif kind == "double":
        content[at:at] = content[at : at + rng.randrange(1, 400)]
    elif kind == "zero":
        content[at : at + 16] = bytes(len(content[at : at + 16]))
    elif kind == "word":
        words = (b"null", b"true", b"-1", b"1e999", b'"x"', b"[]", b"{}", b"NaN", b"0" * 400, b'"\\ud800"')
        content[at : at + rng.randrange(1, 12)] = rng.choice(words)
    else:
        lines = content.splitlines(keepends=True)
        rng.shuffle(lines)
        content = bytearray(b"".join(lines))
    file.write_bytes(content)


@pytest.mark.parametrize("variant", range(VARIANTS))
def test_fuzz_a_damaged_run_gives_the_same_numbers_or_a_refusal(sound, tmp_path, capsys, variant):
    rng = random.Random(variant)
    target = tmp_path / "r"
    shutil.copytree(sound, target)
    files = [
        f for f in sorted(target.rglob("*")) if f.is_file() and f.suffix in (".json", ".jsonl", ".npz", ".parquet")
    ]
    file = rng.choice([target / "episodes.jsonl", target / "manifest.json", rng.choice(files)])
    _mutate(rng, file)
    command = rng.choice((["report"], ["rescore", "--rule", "any_step"]))
    code = main([*command, str(target)])
    assert code in (0, 1, 2)
    assert "Traceback" not in capsys.readouterr().err
    if command == ["report"] and code == 0 and file.name != "manifest.json":
        assert (target / "table.csv").read_text() == (sound / "table.csv").read_text()
