"""The offline judge on the built-in set, whose right order is known."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.judge.providers.programmatic import Programmatic, scale, similarities
from evaluators.judge.providers.statistics import measure, mirrored
from evaluators.judge.questions import builtin
from evaluators.judge.questions.clips import Clip, shots
from tests.judging import Judging

ACTIONS = list(builtin.ACTIONS)
HELD_OUT = 2024  # the floors and ceilings were set on seeds 0 to 5


@pytest.fixture(autouse=True)
def one_thread():
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def scores(reference: np.ndarray, generated: np.ndarray) -> dict[str, float]:
    a, b = shots(Clip(reference, None, "a"), Clip(generated, None, "b"), 16, 384, "none")
    return {k: scale(v, k) for k, v in similarities(measure(a.frames), measure(b.frames)).items()}


@pytest.fixture(scope="module")
def judged():
    """Return action -> method -> scores on a seed that set no constant."""
    return {a: {m: scores(*pair) for m, pair in builtin.clips(a, HELD_OUT).items()} for a in ACTIONS}


@pytest.mark.parametrize("action", ACTIONS)
def test_truth_beats_time_reversed_beats_mirrored_beats_another_clip(judged, action):
    overall = [np.mean(list(judged[action][m].values())) for m in builtin.METHODS]
    assert overall[0] > overall[1] > overall[2] > overall[3]


@pytest.mark.parametrize("action", ACTIONS)
def test_reversal_costs_temporal_most_and_mirroring_geometric(judged, action):
    truth, backwards, mirror = (judged[action][m] for m in ("truth", "time_reversed", "mirrored"))
    assert truth["temporal"] - backwards["temporal"] > 1
    assert truth["temporal"] - backwards["temporal"] > truth["geometric"] - backwards["geometric"]
    assert truth["geometric"] - mirror["geometric"] > 1
    assert mirror["semantic"] > 4


def test_a_clip_against_itself_has_full_marks_and_a_delay_costs_temporal_gradually():
    clip = builtin.draw("place", 0, "reference")
    assert scores(clip, clip) == {"semantic": 5, "temporal": 5, "geometric": 5}
    late = [scores(clip, np.concatenate([clip[:1]] * n + [clip])[: len(clip)])["temporal"] for n in (0, 2, 4, 8)]
    assert late == sorted(late, reverse=True) and late[0] - late[3] > 2


def test_the_order_of_the_clips_does_not_matter_and_mirroring_twice_changes_nothing():
    a, b = (measure(tuple(builtin.draw(x, 0, "t")[::2])) for x in ("lift", "push"))
    assert similarities(a, b) == pytest.approx(similarities(b, a))
    assert np.array_equal(mirrored(mirrored(a)).lines, a.lines) and np.array_equal(mirrored(mirrored(a)).flow, a.flow)


def test_the_set_is_the_same_bytes_every_time_and_another_with_another_seed(tmp_path):
    assert np.array_equal(builtin.draw("lift", 3, "again"), builtin.draw("lift", 3, "again"))
    assert not np.array_equal(builtin.draw("lift", 3, "again"), builtin.draw("lift", 4, "again"))
    assert not np.array_equal(builtin.draw("lift", 3, "again"), builtin.draw("lift", 3, "reference"))


def test_the_command_judges_the_built_in_set_and_labels_every_row_as_what_it_is(tmp_path, capsys):
    judging = Judging(tmp_path, capsys)
    judging.out = tmp_path / "runs"
    assert judging("--frames", "16", "--repeats", "1", provider="programmatic", pairs="builtin") == 0
    table = judging.summary()["rows"]
    assert [row["method"] for row in table] == list(builtin.METHODS)
    assert {r["judge"] for r in judging.scores()} == {"motion_statistics"}
    assert {a["model"] for a in judging.answers()} == {"motion-statistics-1"}
    assert "a proxy: no language model was asked" in judging.report()
    assert judging.summary()["judge"]["swap"]["overall"] == {"n": 28, "equal": 1.0, "mean_distance": 0.0, "bias": 0.0}


def test_clips_in_which_nothing_moves_are_missing_and_one_still_clip_is_the_worst():
    clip = builtin.draw("lift", 0, "reference")
    still = np.repeat(clip[:1], len(clip), 0)
    assert scores(clip, still) == {"semantic": 1, "temporal": 1, "geometric": 1}
    a, b = shots(Clip(still, None, "s"), Clip(still, None, "s"), 4, 384, "none")
    from evaluators.judge.questions import rubric
    from evaluators.judge.questions.question import Question

    reply = Programmatic().ask(Question("k", "p", 1, "reference_first", "", a, b, rubric.load()))
    assert reply.refused == "nothing moves in either clip, so there is no motion to compare" and not reply.text
