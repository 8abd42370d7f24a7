"""The options of a command line, before it is read: a name that is none is told with the nearest one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from crossbody.errors import UnknownName


def check_options(argv: Sequence[str], *kinds: Any) -> None:
    """Raise UnknownName with the nearest name and the list for an option that is none of these dataclasses'."""
    known = {"--help", *(option for kind in kinds for option in names(kind))}
    for word in argv:
        name = word.partition("=")[0].replace("_", "-")
        if name.startswith("--") and name not in known:
            raise UnknownName("option", name, known)


def renamed(argv: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Return a command line with the options' old names replaced by the new ones."""
    parts = (word.partition("=") for word in argv)
    return ["".join((names.get(name, name), *rest)) for name, *rest in parts]


def names(kind: Any, prefix: str = "--") -> Iterator[str]:
    """Yield the options that a dataclass stands for on a command line,
    those of its dataclasses with a point between."""
    base = get_origin(kind) or kind
    generic = dict(zip(getattr(base, "__parameters__", ()), get_args(kind), strict=False))
    for name, hint in get_type_hints(base).items():
        hint, flag = generic.get(hint, hint), prefix + name.replace("_", "-")
        if dataclasses.is_dataclass(hint):
            yield from names(hint, flag + ".")
        else:
            yield flag
            if hint is bool:
                yield f"{prefix}no-{name.replace('_', '-')}"
