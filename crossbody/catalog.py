"""Names: which agents, metrics, tables, suites and protocols exist. A file in the right folder is in the catalog.

A module belongs to a kind when it defines that kind's marker at its top level (``make`` for an agent, ``METRIC``, ``TABLE``);
that is read from the source, so listing imports nothing. Other packages join through entry points in the group
``crossbody.<kind>``, whose values are ``module:ATTRIBUTE``.
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
    summary: str  # first line of the docstring, or the title in the TOML file


@dataclass(frozen=True)
class Kind:
    """Where the names of a kind are found."""

    folder: str
    marker: str = ""  # '' for TOML files


KINDS = {
    "agents": Kind("agents", "make"),
    "generators": Kind("agents", "make_generator"),
    "conditions": Kind("evaluators/generation/conditions", "open_conditions"),
    "metrics": Kind("evaluators/metrics", "METRIC"),
    "scores": Kind("evaluators/score", "score"),
    "tables": Kind("reports/tables", "TABLE"),
    "suites": Kind("tasks/suites"),
    "protocols": Kind("tasks/protocols"),
    "engines": Kind("envs/engines", "open_pool"),
    "formats": Kind("training/data/formats", "FORMAT"),
}


@cache
def entries(kind: str) -> dict[str, Entry]:
    """Return name -> Entry of a kind, sorted by name; two of one name raise CrossbodyError."""
    where = KINDS[kind]
    found = _toml_entries(where) if not where.marker else _module_entries(where)
    found += [
        Entry(e.name, e.value, f"from {e.dist.name if e.dist else 'elsewhere'}")
        for e in entry_points(group=f"crossbody.{kind}")
    ]
    by_name: dict[str, Entry] = {}
    for entry in sorted(found, key=lambda e: e.name):
        if entry.name in by_name:
            raise CrossbodyError(
                f"two {kind} are called '{entry.name}': {by_name[entry.name].target} and {entry.target}. Rename or uninstall one."
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


def _toml_entries(where: Kind) -> list[Entry]:
    files = sorted((ROOT / where.folder).glob("*.toml"))
    return [Entry(f.stem, str(f), tomllib.loads(f.read_text()).get("title", "")) for f in files]


def _module_entries(where: Kind) -> list[Entry]:
    folder = ROOT / where.folder
    package = where.folder.replace("/", ".")
    found = []
    for source in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
        name = source.parent.name if source.name == "__init__.py" else source.stem
        tree = ast.parse(source.read_text())
        if where.marker in _top_level_names(tree):
            doc = (ast.get_docstring(tree) or "").partition("\n")[0]
            found.append(Entry(name, f"{package}.{name}:{where.marker}", doc))
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
