"""Every command that the documents show is one that exists and takes these options; every link leads somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import tyro

from crossbody import catalog
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
        from crossbody.options import check_options
        from evaluators.commands.evaluate import _arguments_type as arguments_type
        from evaluators.commands.evaluate import parse

        check_options(arguments, arguments_type(arguments))
        if "--agent" in arguments:
            plan, _ = parse(arguments)
            assert plan.episodes
    elif program == "train":
        assert arguments in ([], ["--help"]) or accepted(arguments), f"{page} shows a recipe that is none: {command}"
    elif program == "crossbody":
        assert arguments[0] in COMMANDS, f"{page} shows a command that is none: {command}"
    else:
        assert program in ("pytest", "python", "report"), f"{page} shows a program that is none: {command}"
        assert program != "python" or (ROOT / arguments[-1]).exists() or arguments[0] == "-m"


def accepted(arguments: list[str]) -> bool:
    """Return whether this is a recipe; options that it does not have exit."""
    name, *rest = arguments
    if name not in catalog.entries("recipes"):
        return False
    tyro.cli(catalog.resolve("recipes", name).options, args=rest)
    return True


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_every_command_of_the_experiments_is_accepted():
    file = "training/unit/experiments.mk"
    dry = ["make", "--dry-run", "--always-make", "-f", file, "all", "evaluations", "errors"]
    lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    trained = [shlex.split(line)[3:] for line in lines if line.startswith("uv run train")]
    assert len(trained) > 15 and all(accepted(arguments) for arguments in trained)


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
