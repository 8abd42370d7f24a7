"""What the papers' arithmetic says: exactly the known errors are found, and a new one would be."""

from __future__ import annotations

import shutil

import pytest

from crossbody.errors import CrossbodyError
from crossbody.main import main
from reports.papers import claims, spans, tables
from reports.papers.checks import FAILS, HOLDS, UNKNOWN, WEAK
from reports.papers.spans import Span

EXPECTED = {
    "c1": HOLDS,
    "c2": HOLDS,
    "c3": HOLDS,
    "c4": HOLDS,
    "c5": HOLDS,
    "c6": HOLDS,
    "c7": WEAK,
    "c8": FAILS,
    "c9": HOLDS,
    "c10": HOLDS,
    "c11": HOLDS,
    "c12": FAILS,
    "c13": FAILS,
    "c14": WEAK,
    "c15": FAILS,
    "c16": HOLDS,
    "c17": FAILS,
    "c18": FAILS,
    "c19": HOLDS,
    "c20": HOLDS,
    "h1": HOLDS,
    "h2": FAILS,
    "h3": HOLDS,
    "h4": HOLDS,
    "h5": FAILS,
    "h6": FAILS,
    "h7": UNKNOWN,
    "h8": FAILS,
    "h9": UNKNOWN,
    "h10": UNKNOWN,
    "h11": WEAK,
    "h12": HOLDS,
}

COMPUTED = {
    "c1": "66.7 − 55.0 = 11.70",
    "c3": "(18 × 67.3 + 6 × 64.7) / 24 = 66.65",
    "c5": "(18 × 37.0 + 23 × 40.73 + 32 × 29.0) / 73 = 34.67",
    "c7": "45.5 − 47.8 = −2.3 points, z = −1.13",
    "c10": "0.001828 / 0.000171 = 10.69",
    "c13": "(2.96 + 3.12 + 2.74) / 3 = 2.940, printed 2.92",
    "c12": "Semantic +0.95, Temporal +0.86, Geometric +0.92",
    "c14": "z = +1.65, p = 0.1",
    "h1": "in percent = 47.47",
    "h2": "in percent = 8.64, printed 6",
    "h6": "4.1 + 7515.7 + 227.7 = 7747.50, printed 7790.2",
    "h8": "H5 lists 8, the text announces 16",
}


@pytest.fixture(scope="module")
def found():
    return {paper: claims.of_paper(paper) for paper in ("unit", "humanoid_vla")}


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Return a function that changes a text in a copy of the tables, which are read from there."""
    folder = tmp_path / "tables"
    shutil.copytree(tables.FOLDER, folder)
    monkeypatch.setattr(tables, "FOLDER", folder)
    forget()

    def change(name: str, old: str, new: str) -> None:
        text = (folder / f"{name}.toml").read_text()
        assert text.count(old) == 1
        (folder / f"{name}.toml").write_text(text.replace(old, new))

    yield change
    forget()


def forget() -> None:
    for cached in (tables._all, tables.of_paper, tables.papers):
        cached.cache_clear()


def test_every_claim_has_the_verdict_that_was_worked_out_by_hand(found):
    verdicts = {c.id: c.verdict for own in found.values() for c in own if c.id in EXPECTED}
    assert verdicts == EXPECTED
    assert all(c.id in EXPECTED for own in found.values() for c in own if ":" not in c.id)


def test_exactly_the_known_claims_do_not_hold(found):
    wrong = {paper: [c.id for c in claims.wrong(own)] for paper, own in found.items()}
    assert wrong == {
        "unit": ["c8", "c12", "c13", "c15", "c17", "c18"]
        + ["DIAL: UWM", "DIAL: Diffusion Policy", "DIAL: FLARE", "DIAL: DIAL-DINO"],
        "humanoid_vla": ["h2", "h5", "h6", "h8"],
    }


@pytest.mark.parametrize(("name", "computation"), COMPUTED.items())
def test_a_verdict_comes_with_its_computation(found, name, computation):
    claim = next(c for own in found.values() for c in own if c.id == name)
    assert computation in " | ".join(f.computation for f in claim.findings)


def test_a_finding_within_a_wrong_claim_is_told_from_the_others(found):
    claim = next(c for c in found["unit"] if c.id == "c13")
    assert [f.verdict for f in claim.findings] == [FAILS, FAILS, HOLDS, HOLDS]


@pytest.mark.parametrize("paper", ["unit", "humanoid_vla"])
def test_the_check_passes_on_the_papers_as_they_are(paper, capsys):
    assert main(["report", "--paper", paper, "--check"]) == 0
    out = capsys.readouterr().out
    assert "do not hold." in out
    assert "A number has changed" not in out


@pytest.mark.parametrize(
    ("paper", "change", "surprised"),
    [
        ("humanoid_vla", ("H3", "fid_humanml3d = 0.889", "fid_humanml3d = 0.989"), "h1"),
        ("humanoid_vla", ("H1", "hours = 7790.2", "hours = 7747.5"), "h6"),  # a known error that is gone
        ("unit", ("U10", "overall = 3.27", "overall = 3.72"), "c13"),  # a new error in a claim that is wrong anyhow
        ("unit", ("U13", "sigma_0_2 = 0.000431", "sigma_0_2 = 0.000531"), "c10"),
    ],
)
def test_a_broken_number_is_found(copied, capsys, paper, change, surprised):
    copied(*change)
    assert main(["report", "--paper", paper, "--check"]) == 1
    out = capsys.readouterr().out
    assert f"{surprised} was known as: " in out
    assert out.count("was known as") == 1


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ('{ check = "product" }', "there is no check 'product'. Known: below, best"),
        ('{ check = "count", table = "H5" }', "missing 1 required positional argument: 'printed'"),
        ('{ check = "count", table = "H9", printed = 1 }', "unknown table 'H9'"),
        ('{ check = "equal", a = "H5", printed = 1 }', "'H5' is no number: expected TABLE/ROW/COLUMN"),
        ('{ check = "equal", a = "H5/Kick a ball/succes", printed = 1 }', "Did you mean 'success'?"),
        ('{ check = "count", table = "H5", printed = 8, known = "maybe" }', "known is 'maybe', expected holds"),
    ],
)
def test_a_claim_with_a_mistake_is_named(tmp_path, item, message):
    file = tmp_path / "bad.toml"
    file.write_text(f'source = "X"\n[[claims]]\nid = "x1"\ntext = "…"\nitems = [{item}]\n')
    with pytest.raises(CrossbodyError) as raised:
        claims.read(file)
    assert message in str(raised.value)


def test_a_printed_number_stands_for_all_that_are_rounded_to_it():
    assert spans.printed("0.50") == Span(0.5, 0.495, 0.505)
    assert spans.printed(12) == Span(12, 11.5, 12.5)


def test_ranges_that_only_touch_do_not_agree():
    # 3.85 from two decimals is 3.845 to 3.855; 3.84 is 3.835 to 3.845
    assert not spans.printed("3.85").agrees(spans.printed("3.84"))
    assert spans.printed("3.85").agrees(spans.printed("3.8"))


def test_rounding_goes_through_the_arithmetic():
    gap = spans.printed("66.7") - spans.printed("55.0")
    assert (gap.low, gap.high) == (pytest.approx(11.6), pytest.approx(11.8))
    ratio = spans.printed(10).over(spans.printed(2))
    assert (ratio.low, ratio.high) == (pytest.approx(9.5 / 2.5), pytest.approx(10.5 / 1.5))
    mean = spans.mean([spans.printed(1), spans.printed(2)], [3, 1])
    assert (mean.value, mean.low, mean.high) == (1.25, 0.75, 1.75)
