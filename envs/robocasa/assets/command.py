"""``crossbody assets``: make, find, check and look at asset packs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from envs.robocasa.assets import pack


def main(argv: Sequence[str]) -> int:
    """Run one of the four actions; 1 when `status` finds something to mend."""
    parser = argparse.ArgumentParser(prog="crossbody assets", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("status", help="say which packs are on this machine")
    actions.add_parser("generated", help="make the generated pack now (the first run does it by itself)")
    official = actions.add_parser("official", help="download the official assets with the package's own scripts")
    official.add_argument("--yes", action="store_true", help="do not ask before the download")
    gallery = actions.add_parser("gallery", help="write a page with a picture of every object")
    gallery.add_argument("--pack", choices=pack.NAMES, default="generated", help="which pack to show")
    gallery.add_argument("--out", type=Path, default=Path("gallery.html"), help="the page to write")
    options = parser.parse_args(argv)
    return {"status": _status, "generated": _generated, "official": _official, "gallery": _gallery}[options.action](
        options
    )


def _status(options: argparse.Namespace) -> int:
    from envs.robocasa.assets import status

    healthy = True
    for subject, ok, text, mend in status.findings():
        healthy &= ok
        print(f"{'ok  ' if ok else 'mend'} {subject}: {text}" + (f"\n     type: {mend}" if mend else ""))
    return 0 if healthy else 1


def _generated(options: argparse.Namespace) -> int:
    made = pack.generated()
    print(f"{made.name} {made.version} at {made.root}\nsha256 {made.sha256}")
    return 0


def _official(options: argparse.Namespace) -> int:
    from envs.robocasa.assets import official

    root = official.locate()
    if root is None or official.missing(root):
        if not options.yes and input("Download several GB of official assets? [y/N] ").strip().lower() not in (
            "y",
            "yes",
        ):
            print("nothing was downloaded")
            return 0
        official.download()
    found = official.find()
    print(f"{found.name} {found.version} at {found.root}\nsha256 {found.sha256}")
    return 0


def _gallery(options: argparse.Namespace) -> int:

    from crossbody import gl

    gl.prepare()
    from rich.console import Console
    from rich.progress import Progress

    from envs.robocasa.assets import gallery
    from envs.robocasa.assets.catalogue import table

    found = pack.find(options.pack)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rendering", total=None)
        seen: set[str] = set()

        def advance(category: str) -> None:
            seen.add(category)
            bar.update(task, total=len(table()), completed=len(seen), description=category)

        page = gallery.write(found, options.out, advance)
    print(page)
    return 0
