"""Every error a user can meet has one root, and its message says what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CrossbodyError(Exception):
    """Something the user can mend: shown without a traceback, exit code 2."""


class UnknownName(CrossbodyError):
    """A name that is in no catalog: the message has the nearest name and the list."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        listed = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
        super().__init__(f"unknown {kind} '{name}'.{hint} Known: {listed or 'none'}.")
        self.kind, self.name, self.near = kind, name, near[0] if near else None


class ContractMismatch(CrossbodyError):
    """What an environment offers is not what an agent wants: every difference is listed."""


class InvalidAction(CrossbodyError):
    """An action with a wrong channel, shape, or a value that is not finite or far outside the joint's range."""


class MissingAssets(CrossbodyError):
    """An asset pack is absent or incomplete."""


class MissingExtra(CrossbodyError):
    """An optional package or system library is absent: the message has the command that brings it."""


class RunFolderError(CrossbodyError):
    """A run folder that cannot be read, written, resumed or merged."""


class EpisodeTimeout(CrossbodyError):
    """An attempt took longer than it may: its worker is replaced and the row says so."""
