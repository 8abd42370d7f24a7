"""Contract tests over every provider of the judge in the catalog."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from crossbody import catalog
from crossbody.errors import CrossbodyError
from crossbody.options import names
from evaluators.commands import judge
from evaluators.judge.questions import rubric
from evaluators.judge.questions.question import Asked, Question, Reply
from evaluators.judge.questions.schema import Verdict
from tests.judging import Judging

JUDGES = sorted(catalog.entries("judges"))
every_judge = pytest.mark.parametrize("name", JUDGES)
ASKED = Asked("", rubric.load(rubric.STANDARD), 5.0)


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the provider that this file is."""

    planted: int = 3
    """The score that it gives."""


def make(options: Options, asked: Asked) -> Planted:
    """Return the provider."""
    return Planted(options.planted)


class Planted:
    """A provider as another package would have it."""

    name, judge, model, priced, verdict = "planted", "test", "planted-1", False, Verdict

    def __init__(self, score: int):
        self.score = score

    def settings(self) -> Mapping[str, Any]:
        return {"model": self.model, "score": self.score}

    def open(self) -> None:
        pass

    def ask(self, question: Question) -> Reply:
        return Reply(json.dumps(dict.fromkeys(("semantic", "temporal", "geometric"), self.score)))

    def close(self) -> None:
        pass


def faults(name: str) -> Iterator[str]:
    """Yield what is wrong with a provider."""
    module = catalog.module_of("judges", name)
    if any(f.default is f.default_factory is dataclasses.MISSING for f in dataclasses.fields(module.Options)):
        yield f"an option of {name} has no default, so that `--help` cannot be shown"
    taken = {o for other in JUDGES if other != name for o in names(catalog.module_of("judges", other).Options)}
    taken |= set(names(judge.Arguments[judge.catalog.module_of("judges", name).Options]))
    if both := taken & set(names(module.Options)):
        yield f"{name} has the options {sorted(both)}, which are somebody else's"
    try:
        provider = module.make(module.Options(), ASKED)
    except CrossbodyError as error:
        if "--" not in str(error):
            yield f"{name} cannot be made with its defaults and does not say which option it needs: {error}"
        return
    if provider.name != name:
        yield f"{name} calls itself '{provider.name}'; rows name a provider as the catalog does"
    if not issubclass(provider.verdict, Verdict) or not (provider.judge and provider.model):
        yield f"{name} lacks a verdict, a kind of judge or a model"
    if not isinstance(provider.priced, bool):
        yield f"{name} does not say whether it is priced"
    if provider.settings().get("model") != provider.model or not json.dumps(dict(provider.settings())):
        yield f"the settings of {name} lack its model, which is part of every key"


@every_judge
def test_a_provider_keeps_the_contract(name):
    assert not list(faults(name))
    assert catalog.entries("judges")[name].summary


def test_every_file_with_a_provider_is_in_the_catalog():
    folder = catalog.ROOT / "evaluators" / "judge" / "providers"
    written = {f.stem for f in folder.glob("*.py") if "\ndef make(" in f.read_text()}
    assert written == {n for n, e in catalog.entries("judges").items() if e.target.startswith("evaluators.")}


@every_judge
def test_help_lists_the_options_of_a_provider(name, capsys):
    with pytest.raises(SystemExit) as ended:
        judge.main(["--provider", name, "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(option in printed for option in names(catalog.module_of("judges", name).Options))


@every_judge
def test_an_option_of_another_provider_is_refused_with_the_one_that_has_it(name, capsys):
    own = set(names(catalog.module_of("judges", name).Options))
    for other in JUDGES:
        for option in set(names(catalog.module_of("judges", other).Options)) - own:
            assert judge.main(["--pairs", "p.jsonl", "--provider", name, option, "x"]) == 2
            assert f"{option} goes with --provider {other}" in capsys.readouterr().err


@pytest.fixture
def planted(monkeypatch):
    """Install this file as a provider."""
    real = catalog.entries("judges")
    entry = catalog.Entry("planted", f"{__name__}:make", "a planted provider")
    monkeypatch.setattr(catalog, "entries", lambda kind: {**real, "planted": entry} if kind == "judges" else {})


def test_one_file_is_a_provider_without_an_edit_elsewhere(planted, tmp_path: Path, capsys):
    assert not list(faults("planted"))
    judging = Judging(tmp_path, capsys)
    assert judging("--planted", "4", "--repeats", "1", provider="planted") == 0
    assert {(r["provider"], r["judge"], r["overall"]) for r in judging.scores()} == {("planted", "test", "4.0")}


@pytest.mark.parametrize(
    ("attribute", "value", "fault"),
    [
        ("name", "other", "calls itself 'other'"),
        ("verdict", dict, "lacks a verdict"),
        ("judge", "", "lacks a verdict, a kind of judge"),
        ("priced", None, "does not say whether it is priced"),
        ("settings", lambda self: {}, "lack its model"),
    ],
)
def test_a_planted_fault_is_found(planted, monkeypatch, attribute, value, fault):
    monkeypatch.setattr(Planted, attribute, value)
    (found,) = faults("planted")
    assert fault in found
