"""Shards of one run become one run folder."""

from __future__ import annotations

import pandas as pd
import pytest

from crossbody.contracts import EpisodeRow
from crossbody.errors import RunFolderError
from crossbody.main import main
from crossbody.runs import RunFolder, save_trace
from reports import frames
from reports.merge import canonical, merge
from tasks.suite import shard
from tests.synthetic import ENVIRONMENT, make_run, suite_of


def outcome(e):
    return len(e.task.name) % 3 != e.index


@pytest.fixture
def make(tmp_path):
    """A function that makes a run folder, whole or a shard of it."""

    def make(name, part=None, **changes):
        cut = (lambda q: shard(q, part)) if part else (lambda q: q)
        command = ("evaluate", "--agent", "expert", *(("--shard", part) if part else ()), "--suite", "robocasa_ood")
        defaults = {"episodes": cut, "episodes_per_task": 2, "command": command}
        return make_run(tmp_path / name, changes.pop("outcome", outcome), **defaults | changes).path

    return make


def test_shards_make_the_run_that_was_not_sharded(make, tmp_path):
    whole = RunFolder(make("whole"))
    merged = merge([make(f"s{k}", f"{k}/3") for k in (2, 3, 1)], tmp_path / "out")
    assert merged.manifest() == whole.manifest()
    assert [r.comparable() for r in merged.attempts()] == [r.comparable() for r in whole.attempts()]


def test_a_suite_that_is_in_no_catalog_keeps_its_order_when_shards_come_in_theirs(make, tmp_path):
    suite = suite_of(easy=3, hard=4)
    whole = RunFolder(make("whole", suite=suite)).manifest()
    shards = [frames.read(make(f"s{k}", f"{k}/2", suite=suite)).manifest.episodes for k in (1, 2)]
    assert canonical(shards, "made_up") == whole.episodes


def test_every_attempt_trace_scene_and_video_comes_along(make, tmp_path):
    broken = lambda e: "ValueError: it broke" if e.index == 0 else True  # noqa: E731
    folders = [RunFolder(make(name, part, outcome=broken)) for name, part in (("a", "1/2"), ("b", "2/2"))]
    for folder in folders:
        row = next(iter(folder.final_rows().values()))
        trace = save_trace(folder.trace_file(row.episode, 2), [True], {})
        changes = {"attempt": 2, "status": "ok", "success": True, "steps": 1, "first_success_step": 1, "error": ""}
        folder.append(EpisodeRow(**{**vars(row), **changes, "trace_hash": trace}))
        folder.scene_file(row.episode).write_text("{}")
        folder.video_file(row.episode, 2).write_bytes(b"video")
    merged = merge([f.path for f in folders], tmp_path / "out")
    assert len(merged.attempts()) == 148
    for kind in ("traces", "scenes", "video"):
        assert len(list((merged.path / kind).iterdir())) == 2
    assert [r.attempt for r in merged.attempts() if r.episode == "EvalPnPNovelFromCuttingboardToBasketSplitB/0000"] == [
        1,
        2,
    ]


def test_metrics_are_joined(make, tmp_path):
    folders = [make("a", "1/2"), make("b", "2/2")]
    for folder in folders:
        pd.DataFrame({"episode": [folder.name], "metric": ["m"], "value": [1.0]}).to_parquet(folder / "metrics.parquet")
    merged = merge(folders, tmp_path / "out")
    assert list(pd.read_parquet(merged.path / "metrics.parquet")["episode"]) == ["a", "b"]


def test_an_unfinished_shard_stays_unfinished(make, tmp_path):
    lost = make("b", "2/2", outcome=lambda e: None if e.index else True)
    merged = merge([make("a", "1/2"), lost], tmp_path / "out")
    # Of 146 episodes the second shard holds every other one: 73, of which those with index 1 (37 of 73) are missing.
    assert len(frames.read(merged.path).missing) == 37


def test_shards_of_different_runs_are_refused(make, tmp_path):
    one = make("one", "1/2")
    two = make("two", "2/2", agent="hold", seed=1, environment=ENVIRONMENT | {"look": "faithful"}, protocol="groot_n16")
    with pytest.raises(RunFolderError) as raised:
        merge([one, two], tmp_path / "out")
    hashes = [frames.read(folder).manifest.protocol_hash for folder in (one, two)]
    note = [frames.read(folder).manifest.protocol.note for folder in (one, two)]
    assert str(raised.value) == (
        f"{one} and {two} are not shards of one run:\n"
        f"  protocol_hash: {hashes[0]} / {hashes[1]}\n"
        "  protocol.name: quick / groot_n16\n"
        "  protocol.chunk: 16 / 8\n"
        "  protocol.success_rule: chunk_end / any_step\n"
        f"  protocol.note: {note[0]} / {note[1]}\n"
        "  agent: expert / hold\n"
        "  seed: 0 / 1\n"
        "  environment.look: fast / faithful\n"
        "To set different runs side by side use `uv run crossbody report` or `uv run crossbody compare`."
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"packages": {"crossbody": "0.2.0", "mujoco": "3.3.1"}}, "packages.crossbody: 0.1.0 / 0.2.0"),
        ({"agent_options": {"speed": 2}}, "agent_options.speed: absent / 2"),
        ({"git": "abc+"}, "git:  / abc+"),
    ],
)
def test_what_can_move_a_number_must_be_the_same(make, tmp_path, changes, line):
    with pytest.raises(RunFolderError) as raised:
        merge([make("one", "1/2"), make("two", "2/2", **changes)], tmp_path / "out")
    assert f"\n  {line}\n" in str(raised.value)


def test_an_episode_that_two_shards_have_is_refused(make, tmp_path):
    one, two = make("one", "1/2"), make("two", "1/2")
    with pytest.raises(RunFolderError) as raised:
        merge([one, two], tmp_path / "out")
    assert str(raised.value) == (
        f"{one} and {two} share 73 episodes (the first is EvalPnPNovelFromCuttingboardToBasketSplitB/0000); "
        "an episode counts once. Leave one of the two out."
    )


def test_one_folder_is_nothing_to_merge(make, tmp_path):
    with pytest.raises(RunFolderError) as raised:
        merge([make("one")], tmp_path / "out")
    assert str(raised.value) == "merge joins two run folders or more; it got 1."


def test_a_folder_that_holds_a_run_is_not_written_over(make, tmp_path, capsys):
    assert main(["merge", str(make("a", "1/2")), str(make("b", "2/2")), "--out", str(make("out"))]) == 2
    assert "already holds a run" in capsys.readouterr().err


def test_the_command_prints_the_table_of_the_whole(make, tmp_path, capsys):
    assert main(["merge", str(make("a", "1/2")), str(make("b", "2/2")), "--out", str(tmp_path / "out")]) == 0
    assert "n = 146 episodes" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").exists()


def test_the_command_warns_of_shards_that_computed_differently(make, tmp_path, capsys):
    hosts = [{"arithmetic": {"workers": {"profile": profile}}} for profile in ("x86-64-v3", "native")]
    shards = [str(make(name, part, host=host)) for name, part, host in zip("ab", ("1/2", "2/2"), hosts, strict=True)]
    assert main(["merge", *shards, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "Warning: these runs were computed with different arithmetic" in printed.err
    assert "Warning: these runs were computed" in " ".join(printed.out.split())  # the caption of the merged run
