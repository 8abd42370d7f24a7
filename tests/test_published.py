"""Published numbers: every file loads, and every average follows from its parts or says why it does not."""

from __future__ import annotations

import pytest

from crossbody.errors import CrossbodyError
from reports import published
from reports.published import SPLIT_MEAN, TASK_WEIGHTED, Average, Part, PublishedRow
from tasks.suite import load_suite

FILES = sorted(published.FOLDER.glob("*.toml"))
ROWS = [row for file in FILES for row in published.read(file)]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.paper}-{r.system}-{r.suite}")
def test_an_average_follows_from_its_parts_or_carries_the_computation(row):
    assert bool(published.contradictions(row)) == bool(row.inconsistent)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.paper}-{r.system}-{r.suite}")
def test_a_row_says_where_it_comes_from_and_under_which_protocol(row):
    assert row.link.startswith("https://")
    assert row.table
    assert row.protocol
    assert row.averages or row.parts
    assert not row.tasks or list(row.tasks) == [t.name for t in load_suite(row.suite).tasks]


def test_the_known_contradictions_are_the_ones_that_are_found():
    assert [text for row in ROWS for text in published.contradictions(row)] == [
        "DIAL-DINO (DIAL, results_robocasa.png, read by eye): task_weighted over 24 tasks is printed 47.2, its "
        "parts give 48.2",
        "UWM (DIAL, results_robocasa_full.png, read by eye): task_weighted over 24 tasks is printed 29.5, its "
        "parts give 32.2",
        "Diffusion Policy (DIAL, results_robocasa_full.png, read by eye): "
        "task_weighted over 24 tasks is printed 40.9, its parts give 42.8",
        "FLARE (DIAL, results_robocasa_full.png, read by eye): task_weighted over 24 tasks is printed 55.0, "
        "its parts give 56.5",
    ]


def test_the_papers_averages_by_hand():
    unit = _row("robocasa_ood", "VLA-UniT, few-shot")
    # (18 * 37.0 + 23 * 40.73 + 32 * 29.0) / 73 = 34.67
    assert published.recompute(unit, unit.averages[0]) == pytest.approx(0.3467, abs=5e-5)
    dial = _row("robocasa_ood", "DIAL, few-shot")
    # (50.7 + 53.0 + 34.8) / 3 = 46.17; weighted by task (18 * 50.7 + 14 * 53.0 + 32 * 34.8) / 64 = 43.25
    assert published.recompute(dial, dial.averages[0]) == pytest.approx(0.46167, abs=5e-5)
    assert published.weighted(dial.parts, TASK_WEIGHTED) == pytest.approx(0.43253, abs=5e-5)


def test_an_average_taken_the_other_way_would_be_found():
    parts = (Part("a", 18, 0.507), Part("b", 14, 0.53), Part("c", 32, 0.348))
    row = PublishedRow("X", "P", "T", "s", "?", "https://x", parts=parts, averages=(Average(TASK_WEIGHTED, 64, 0.462),))
    assert published.contradictions(row) == [
        "X (P, T): task_weighted over 64 tasks is printed 46.2, its parts give 43.3"
    ]
    assert not published.contradictions(
        PublishedRow("X", "P", "T", "s", "?", "https://x", parts=parts, averages=(Average(SPLIT_MEAN, 64, 0.462),))
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'averages = [{ aggregator = "task_weighted", tasks = 24, percent = 660 }]',
            "660 is not a percentage from 0 to 100",
        ),
        ('averages = [{ aggregator = "task_weighted", tasks = 24 }]', "'percent'"),
        ("colour = 1", "PublishedRow.__init__() got an unexpected keyword argument 'colour'"),
    ],
)
def test_a_bad_row_is_named(tmp_path, line, message):
    file = tmp_path / "bad.toml"
    file.write_text(
        'paper = "P"\nlink = "https://x"\n[[rows]]\nsystem = "X"\ntable = "T"\nsuite = "s"\nprotocol = "?"\n' + line
    )
    with pytest.raises(CrossbodyError) as raised:
        published.read(file)
    assert str(raised.value) == f"bad.toml, row 1 (X): {message}"


def _row(suite: str, system: str) -> PublishedRow:
    return next(row for row in published.load(suite) if row.system == system)
