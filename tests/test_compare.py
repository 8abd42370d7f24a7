"""Two agents on the same scenes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from crossbody.errors import RunFolderError
from crossbody.main import main
from reports import frames
from reports.compare import OVERALL, compare, pair, show, verdict
from tests.synthetic import make_run, suite_of

SUITE = suite_of(easy=6, hard=6)


@pytest.fixture
def make(tmp_path):
    """A function that makes and reads a run."""

    def make(name, outcome, **changes):
        return frames.read(make_run(tmp_path / name, outcome, **{"suite": SUITE, "agent": name} | changes).path)

    return make


def test_a_comparison_by_hand(make):
    # first wins all easy tasks, second all but easy_0 and half of the hard ones:
    # 6 / 12 against 8 / 12; only the first: 1, only the second: 3; McNemar 2 * (1 + 4) / 2^4 = 0.625
    first = make("first", lambda e: e.task.split == "easy")
    second = make("second", lambda e: e.task.name not in ("easy_0", "hard_0", "hard_1", "hard_2"))
    overall, easy, hard = compare(first, second)
    assert (overall.name, overall.pairs, overall.first, overall.second) == (OVERALL, 12, 0.5, pytest.approx(8 / 12))
    assert (overall.only_first, overall.only_second, overall.p_value) == (1, 3, pytest.approx(0.625))
    assert overall.difference.value == pytest.approx(2 / 12)
    assert overall.difference.low < 0 < overall.difference.high
    assert (easy.name, easy.difference.value) == ("easy", pytest.approx(-1 / 6))
    assert (hard.name, hard.difference.value, hard.p_value) == ("hard", pytest.approx(0.5), pytest.approx(0.25))


def test_comparing_the_other_way_round_turns_the_sign(make):
    first, second = make("first", lambda e: e.task.split == "easy"), make("second", lambda e: True)
    there, back = compare(first, second)[0], compare(second, first)[0]
    assert there.difference.value == -back.difference.value == 0.5
    assert there.p_value == back.p_value == pytest.approx(2 / 64)


def test_an_error_loses_its_pair(make):
    pairs = pair(make("first", lambda e: True), make("second", lambda e: "ValueError: no"))
    assert [(p.first, p.second) for p in pairs] == [(True, False)] * 12


def test_an_episode_whose_scene_was_never_built_is_paired_by_its_name_and_seed(make):
    first = make("first", lambda e: True)
    second = make("second", lambda e: "ValueError: no", scene=lambda e: "")
    assert len(pair(first, second)) == 12


def test_other_scenes_are_refused(make, tmp_path):
    first, second = make("first", lambda e: True), make("second", lambda e: True, seed=1)
    with pytest.raises(RunFolderError) as raised:
        compare(first, second)
    assert str(raised.value) == (
        f"{tmp_path}/first and {tmp_path}/second met different scenes in 12 of 12 episodes (the first is easy_0/0000), "
        "so they cannot be compared in pairs. Run the second agent on the first one’s scenes: "
        f"`uv run evaluate --agent second --suite made_up --protocol quick --scenes {tmp_path}/first`."
    )


def test_scenes_are_paired_by_what_they_are_not_by_their_place(make):
    first = make("first", lambda e: e.index == 0, episodes_per_task=2, scene=lambda e: f"{e.task.name} {e.index}")
    second = make("second", lambda e: e.index == 1, episodes_per_task=2, scene=lambda e: f"{e.task.name} {1 - e.index}")
    assert [(p.first, p.second) for p in pair(first, second)] == [(True, True)] * 12 + [(False, False)] * 12


def test_episodes_without_a_partner_are_left_out_and_said(make):
    first = make("first", lambda e: True, episodes_per_task=2)
    second = make("second", lambda e: True)
    found = compare(first, second)
    assert found[0].pairs == 12
    assert "12 episodes have no partner in the other run and are left out." in _shown(first, second)


def test_runs_without_a_scene_in_common_are_refused(make, tmp_path):
    first = make("first", lambda e: True, episodes=lambda q: q[:6])
    second = make("second", lambda e: True, episodes=lambda q: q[6:])
    with pytest.raises(RunFolderError, match=f"{tmp_path}/first and {tmp_path}/second have no scene in common"):
        compare(first, second)


def test_two_suites_are_refused(make, tmp_path):
    first, second = make("first", lambda e: True), make("second", lambda e: True, suite="robocasa_gr1")
    with pytest.raises(RunFolderError) as raised:
        compare(first, second)
    assert str(raised.value) == (
        f"{tmp_path}/first is a run of made_up, {tmp_path}/second one of robocasa_gr1: "
        "there is nothing to pair. Compare runs of one suite."
    )


def test_two_protocols_are_refused(make):
    with pytest.raises(RunFolderError, match="protocol.chunk: 16 / 12"):
        compare(make("first", lambda e: True), make("second", lambda e: True, protocol="starvla"))


def test_an_unfinished_run_is_refused(make):
    with pytest.raises(RunFolderError, match="1 of 12 episodes are missing"):
        compare(make("first", lambda e: True), make("second", lambda e: None if e.task.name == "hard_5" else True))


def test_the_finding_is_said_in_a_sentence(make):
    win, lose = make("win", lambda e: True), make("lose", lambda e: False)
    assert verdict(compare(lose, win)[0], "lose", "win") == (
        "win is better than lose on these scenes by 100.0 points (p = 0.00049)."
    )
    assert verdict(compare(win, lose)[0], "win", "lose") == (
        "win is better than lose on these scenes by 100.0 points (p = 0.00049)."
    )
    # twelve pairs and no discordant one: six one-sided ones would be needed, P(6 of 12 or more) = 0.8 at 0.585
    assert verdict(compare(win, win)[0], "win", "win") == (
        "No difference is shown; one below 58 points would mostly have gone unseen."
    )


def test_few_pairs_say_that_they_could_show_nothing(make):
    cut = {"episodes": lambda q: q[:4]}
    first, second = make("first", lambda e: True, **cut), make("second", lambda e: False, **cut)
    assert verdict(compare(first, second)[0], "first", "second") == (
        "No difference is shown, and 4 pairs could not have shown one of any size."
    )


def test_the_command_prints_the_comparison_and_returns_0(make, tmp_path, capsys):
    make("hold", lambda e: False), make("expert", lambda e: True)
    assert main(["compare", f"{tmp_path}/hold", f"{tmp_path}/expert"]) == 0
    out = capsys.readouterr().out
    assert "expert minus hold" in out
    assert "+100.0" in out


def test_the_command_says_what_is_no_run_folder_and_returns_2(tmp_path, capsys):
    assert main(["compare", f"{tmp_path}/a", f"{tmp_path}/b"]) == 2
    assert f"{tmp_path}/a is not a run folder" in capsys.readouterr().err


def test_two_runs_of_one_agent_are_called_by_their_folders(make):
    first, second = make("one", lambda e: True, agent="hold"), make("two", lambda e: False, agent="hold")
    assert "two minus one" in _shown(first, second)


def _shown(first, second):
    console = Console(file=io.StringIO(), width=100, color_system=None)
    show(first, second, compare(first, second), console)
    return console.file.getvalue()


def test_the_command_warns_of_runs_that_computed_differently(make, capsys):
    recorded = {"profile": "x86-64-v3", "numpy": "AVX2 Haswell 6c7f62e8"}
    first, second = (
        make(name, lambda e: True, agent="hold", host={"arithmetic": {"workers": kernels}}).path
        for name, kernels in (("here", recorded), ("there", recorded | {"profile": "native"}))
    )
    assert main(["compare", str(first), str(first)]) == 0
    assert "Warning" not in capsys.readouterr().out
    assert main(["compare", str(first), str(second)]) == 0
    out = capsys.readouterr().out
    assert "Warning: these runs were computed with different arithmetic" in out
    assert f"workers profile: x86-64-v3 in {first}, native in {second}" in out
