"""Names: which agents, metrics, tables, recipes, suites and protocols exist. A file in the right folder is in the
catalog.

A module belongs to a kind when it defines that kind's marker at its top level (``make`` for an agent, ``METRIC``,
``TABLE``, ``RECIPE``); that is read from the source, so listing imports nothing. Other packages join through entry
points in the group
``crossbody.<kind>``, whose values are ``module:ATTRIBUTE``. Metrics lie in a folder for each subject, and their group
is
``crossbody.metrics.<subject>``.
"""

from __future__ import annotations

import ast
import importlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError, UnknownName

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Entry:
    """One name of one kind, not yet imported."""

    name: str
    target: str  # "module:ATTRIBUTE", or the path of a TOML file
    summary: str  # first paragraph of the docstring, or the title in the TOML file
    group: str = ""  # the folder within the kind's, where it has folders: what a metric takes


@dataclass(frozen=True)
class Kind:
    """Where the names of a kind are found."""

    folder: str
    marker: str = ""  # '' for TOML files
    grouped: bool = False  # names lie in folders of the folder


KINDS = {
    "agents": Kind("agents", "make"),
    "generators": Kind("agents", "make_generator"),
    "conditions": Kind("evaluators/generation/conditions", "open_conditions"),
    "metrics": Kind("evaluators/metrics", "METRIC", grouped=True),
    "scores": Kind("evaluators/scoring", "score"),
    "reasons": Kind("reports/reasons", "REASON"),
    "judges": Kind("evaluators/judge/providers", "make"),
    "tables": Kind("reports/tables", "TABLE"),
    "recipes": Kind("training/recipes", "RECIPE"),
    "suites": Kind("tasks/suites"),
    "protocols": Kind("tasks/protocols"),
    "engines": Kind("envs/engines", "open_pool"),
    "robots": Kind("envs/humanoid/robots"),
    "formats": Kind("training/data/formats", "FORMAT"),
}


@cache
def entries(kind: str) -> dict[str, Entry]:
    """Return name -> Entry of a kind, sorted by name; two of one name raise CrossbodyError."""
    where = KINDS[kind]
    found = _toml_entries(where) if not where.marker else _module_entries(where)
    found += _outside_entries(kind, where)
    by_name: dict[str, Entry] = {}
    for entry in sorted(found, key=lambda e: e.name):
        if entry.name in by_name:
            raise CrossbodyError(
                f"two {kind} are called '{entry.name}': {by_name[entry.name].target} and {entry.target}. "
                "Rename or uninstall one."
            )
        by_name[entry.name] = entry
    return by_name


def find(kind: str, name: str) -> Entry:
    """Return the entry, or raise UnknownName with the nearest name and the list."""
    known = entries(kind)
    if name not in known:
        raise UnknownName(kind.removesuffix("s"), name, known)
    return known[name]


def resolve(kind: str, name: str) -> Any:
    """Import and return what a name stands for; the parsed TOML for suites and protocols."""
    target = find(kind, name).target
    if target.endswith(".toml"):
        return tomllib.loads(Path(target).read_text())
    return load(target)


def load(target: str) -> Any:
    """Import and return ``module:ATTRIBUTE``."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def module_of(kind: str, name: str) -> Any:
    """Import and return the module that defines a name."""
    return importlib.import_module(find(kind, name).target.partition(":")[0])


def groups(kind: str) -> tuple[str, ...]:
    """Return the folders that a kind's names are sorted into, by name; none for most kinds."""
    where = KINDS[kind]
    return tuple(sorted(f.parent.name for f in (ROOT / where.folder).glob("*/__init__.py"))) if where.grouped else ()


def _outside_entries(kind: str, where: Kind) -> list[Entry]:
    """Return what other packages add. An entry point that names no group of a kind that has groups raises
    CrossbodyError."""
    prefix = f"crossbody.{kind}"
    known = {f"{prefix}.{group}": group for group in groups(kind)} if where.grouped else {prefix: ""}
    found = []
    for name in sorted(g for g in entry_points().groups if g == prefix or g.startswith(f"{prefix}.")):
        for e in entry_points(group=name):
            package = e.dist.name if e.dist else "elsewhere"
            if name not in known:
                raise CrossbodyError(
                    f"'{e.name}' from {package} is an entry point of the group {name}, expected one of "
                    f"{', '.join(known)}"
                )
            found.append(Entry(e.name, e.value, f"from {package}", known[name]))
    return found


def _toml_entries(where: Kind) -> list[Entry]:
    files = sorted((ROOT / where.folder).glob("*.toml"))
    return [Entry(f.stem, str(f), tomllib.loads(f.read_text()).get("title", "")) for f in files]


def _module_entries(where: Kind) -> list[Entry]:
    folder, below = ROOT / where.folder, "*/" if where.grouped else ""
    found = []
    for source in sorted([*folder.glob(f"{below}*.py"), *folder.glob(f"{below}*/__init__.py")]):
        path = source.parent if source.name == "__init__.py" else source.with_suffix("")
        tree = ast.parse(source.read_text())
        if where.marker in _top_level_names(tree):
            doc = " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split())
            module = ".".join(path.relative_to(ROOT).parts)
            found.append(Entry(path.name, f"{module}:{where.marker}", doc, path.parent.name if where.grouped else ""))
    return found


def _top_level_names(tree: ast.Module) -> set[str]:
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names
