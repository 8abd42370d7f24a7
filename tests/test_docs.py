"""Every command that the documents show is one that exists and takes these options; every link leads somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from crossbody.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def commands() -> list[tuple[str, str]]:
    """Return (page, command) of every ``uv run …`` in the documents, comments and ellipses taken off."""
    found = []
    for page in PAGES:
        for match in re.finditer(r"uv run ([^`\n|#]+)", page.read_text()):
            found.append((str(page.relative_to(ROOT)), match[1].strip()))
    return found


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda v: str(v))
def test_every_documented_command_is_accepted(page, command, tmp_path, monkeypatch):
    program, *arguments = [w for w in shlex.split(command) if w not in ("…", "...")]
    monkeypatch.chdir(tmp_path)
    if program == "evaluate":
        from evaluators.evaluate import _arguments_type as arguments_type
        from evaluators.evaluate import check_options, parse

        check_options(arguments, arguments_type(arguments))
        if "--agent" in arguments:
            plan, _ = parse(arguments)
            assert plan.episodes
    elif program == "crossbody":
        assert arguments[0] in COMMANDS, f"{page} shows a command that is none: {command}"
    else:
        assert program in ("pytest", "python", "train", "report"), f"{page} shows a program that is none: {command}"
        assert program != "python" or (ROOT / arguments[-1]).exists() or arguments[0] == "-m"


def test_the_readme_is_read():
    assert len(commands()) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_inside_the_documents_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_ci_runs_the_readmes_test_command():
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert "uv run pytest " in readme
    assert script.rstrip().endswith("uv run pytest")


def test_no_file_names_a_registry_or_a_path_of_a_machine():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "index" not in listed["tool"]["uv"]
    hosts = re.compile("pypi" + r"\.org|python" + "hosted|debian" + r"\.org|registry" + r"\.npmjs")
    skip = (".git", ".venv", "runs", "data", "uv.lock", "checkpoints")
    for file in ROOT.rglob("*"):
        if (
            file.is_file()
            and file.suffix in (".py", ".toml", ".md", ".cfg", ".yaml", ".yml", ".j2", "")
            and not set(file.relative_to(ROOT).parts) & set(skip)
        ):
            assert not hosts.search(file.read_text(errors="ignore")), file
