"""The floors of the house: who may import whom, and how little a name costs."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crossbody.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("crossbody", "tasks", "envs", "agents", "reports", "evaluators", "training")
MAY_IMPORT = {
    "crossbody": set(),
    "tasks": {"crossbody"},
    "envs": {"crossbody", "tasks"},
    "agents": {"crossbody", "tasks"},
    "reports": {"crossbody"},
    "evaluators": {"crossbody", "tasks", "envs", "reports"},
    "training": {"crossbody", "tasks", "envs", "agents", "evaluators", "reports"},
}
HEAVY = ("torch", "mujoco", "robosuite", "robocasa_gr1", "pandas", "matplotlib", "gymnasium", "numba")


def imports(source: str) -> set[str]:
    """Return the top-level packages that a source file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def trespasses(room: str, source: str) -> set[str]:
    return {name for name in imports(source) if name in ROOMS and name != room and name not in MAY_IMPORT[room]}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_floors_below(room):
    wrong = {str(f): t for f in (ROOT / room).rglob("*.py") if (t := trespasses(room, f.read_text()))}
    assert not wrong


def test_a_trespass_would_be_found():
    assert trespasses("agents", "def f():\n    from envs.pool import Pool") == {"envs"}
    assert trespasses("envs", "import crossbody.errors\nimport numpy") == set()


def test_there_are_no_circles():
    def below(room, seen=()):
        assert room not in seen, f"circle: {seen + (room,)}"
        for other in MAY_IMPORT[room]:
            below(other, (*seen, room))

    for room in ROOMS:
        below(room)


ORDERS = {
    "evaluators": (
        "metric",
        "clips",
        "subjects",
        "backbones",
        "metrics",
        "loop",
        "scoring",
        "judge",
        "generation",
        "commands",
    ),
    "evaluators/judge": ("questions", "providers", "asking", "results"),
}
"""Rooms of a floor, the lowest first: each imports only those before it."""


def arrows_up(floor: str, order: tuple[str, ...], room: str, source: str) -> set[str]:
    """Return the rooms above ``room`` that a source file of it imports, and those that stand in no order."""
    package = floor.replace("/", ".") + "."
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    named = {m.removeprefix(package).partition(".")[0] for m in modules if m.startswith(package)}
    return {other for other in named if other not in order[: order.index(room) + 1]}


@pytest.mark.parametrize("floor", ORDERS)
def test_no_room_imports_one_above_it(floor):
    order, wrong = ORDERS[floor], {}
    for file in (ROOT / floor).rglob("*.py"):
        room = file.relative_to(ROOT / floor).parts[0].removesuffix(".py")
        if room != "__init__" and (found := arrows_up(floor, order, room, file.read_text())):
            wrong[str(file.relative_to(ROOT))] = found
    assert not wrong


@pytest.mark.parametrize("floor", ORDERS)
def test_every_room_has_its_place_in_the_order(floor):
    rooms = {f.parent.name for f in (ROOT / floor).glob("*/__init__.py")}
    assert rooms <= set(ORDERS[floor])


def test_an_arrow_up_would_be_found():
    order = ORDERS["evaluators"]
    assert arrows_up("evaluators", order, "metrics", "from evaluators.scoring import runs") == {"scoring"}
    assert arrows_up("evaluators", order, "clips", "def f():\n    from evaluators import loop") == {"loop"}
    assert arrows_up("evaluators", order, "clips", "from evaluators.attic.x import y") == {"attic"}
    assert not arrows_up("evaluators", order, "scoring", "from evaluators.metric import Metric\nimport numpy")


@pytest.mark.parametrize("folder", [ROOT / "evaluators", *(f.parent for f in ROOT.glob("evaluators/**/__init__.py"))])
def test_a_room_of_evaluators_has_few_siblings(folder):
    siblings = [f for f in folder.iterdir() if not f.name.startswith("_") and f.suffix in ("", ".py")]
    assert len(siblings) <= 12, sorted(f.name for f in siblings)


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "--help"],
        ["evaluate", "--agent", "expert", "--help"],
        ["crossbody", "--help"],
        ["crossbody", "list", "suites"],
        ["crossbody", "list", "tasks"],
        ["crossbody", "list", "agents"],
        ["crossbody", "list", "metrics"],
        ["crossbody", "list", "tables"],
        ["crossbody", "list", "recipes"],
        ["crossbody", "list", "protocols"],
        *(["crossbody", name, "--help"] for name in COMMANDS),
        ["report", "--help"],
        ["train", "--help"],
    ],
    ids=" ".join,
)
def test_help_and_lists_import_nothing_heavy(command):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module = scripts[command[0]].partition(":")[0]
    code = (
        f"import sys; sys.argv = {command!r}\n"
        f"from {module} import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={"PYTHONHASHSEED": "0", "PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    assert "HEAVY []" in done.stdout
    assert len(done.stdout.splitlines()) > 1, "it printed nothing"
