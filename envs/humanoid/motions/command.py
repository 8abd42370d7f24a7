"""List, show and draw motions: the procedural set, or those of a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crossbody.errors import CrossbodyError
from crossbody.steps import Steps
from envs.humanoid.motions import library

if TYPE_CHECKING:
    from tasks.motion.motion import Motion

PICTURES = (".png", ".jpg")


def main(argv: Sequence[str]) -> int:
    """Run one of the actions and return the exit code."""
    parser = argparse.ArgumentParser(prog="crossbody motions", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="say which kinds there are, how many clips and seconds, and what they do")
    gallery = actions.add_parser("gallery", help="write a page on which the motions move; it opens without a network")
    show = actions.add_parser("show", help="print a clip's captions and figures; save or picture it")
    packing = actions.add_parser("pack", help="write the set as one small file that language models are trained from")
    packing.add_argument("--clips", type=int, default=300, help="clips of each kind (default 300)")
    packing.add_argument("--out", type=Path, default=Path("motions.npz"), help="the file to write")
    for action, clips in ((listing, library.CLIPS_PER_KIND), (gallery, 4)):
        action.add_argument("--split", choices=library.SPLITS, default="all", help="which part of the procedural set")
        action.add_argument("--clips", type=int, default=clips, help=f"clips of each kind (default {clips})")
        action.add_argument("--motions", type=Path, help="a folder of motion files instead of the procedural set")
        action.add_argument("--fps", type=float, help="frames a second of motion files that do not say")
        action.add_argument("--up", choices=("y", "z"), help="the axis that points up, where it is not the format's")
        action.add_argument("--metres-per-unit", type=float, help="size of the files' unit, where it is not a metre")
        action.add_argument("--joints", nargs="*", default=(), help="<key point>=<joint>, where names are not known")
    gallery.add_argument("--out", type=Path, default=Path("motions.html"), help="the page to write")
    show.add_argument("name", help="a clip, such as wave/0007")
    show.add_argument("--out", type=Path, help="also write it: .npz the motion, .png or .jpg pictures of the robot")
    for action in (listing, gallery, show):
        action.add_argument("--robot", default=library.ROBOT, help=f"a robot (default {library.ROBOT})")
    options = parser.parse_args(argv)
    return {"list": _list, "gallery": _gallery, "show": _show, "pack": _pack}[options.action](options)


def _pack(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import track

    from crossbody.errors import CrossbodyError
    from envs.humanoid.motions import packed
    from tasks.motion.parts import FPS

    if options.clips < 1:
        raise CrossbodyError(f"--clips is {options.clips}; it must be at least 1")
    console = Console(stderr=True)
    clips = packed.pack(options.clips, lambda seeds: track(seeds, "motions", console=console, transient=True))
    packed.write(clips, options.out)
    minutes = sum(len(c.points) for c in clips) / FPS / 60
    print(f"{options.out}: {len(clips):,} clips, {minutes:,.0f} minutes, {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


def _list(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    clips, title, left_out = _clips(options)
    table = Table("kind", "clips", "seconds", "shortest", "longest", "a caption", title=title)
    kinds: dict[str, list[Motion]] = {}
    for name, motion in clips.items():
        kinds.setdefault(name.rpartition("/")[0] or name, []).append(motion)
    for kind, motions in kinds.items():
        seconds = [(len(m.keypoints) - 1) / m.fps for m in motions]
        shown = (f"{sum(seconds):.0f}", f"{min(seconds):.1f}", f"{max(seconds):.1f}")
        table.add_row(kind, str(len(motions)), *shown, next((m.texts[0] for m in motions if m.texts), ""))
    Console().print(table)
    return 1 if left_out else 0


def _gallery(options: argparse.Namespace) -> int:
    from envs.humanoid.motions import gallery

    clips, title, left_out = _clips(options)
    if not clips:
        print(f"{options.motions}: nothing is left, and no page was written", file=sys.stderr)
        return 1
    seconds = sum((len(m.keypoints) - 1) / m.fps for m in clips.values())
    print(gallery.write(clips, title, f"{len(clips)} clips, {seconds:.0f} s.", options.out))
    return 1 if left_out else 0


def _show(options: argparse.Namespace) -> int:
    from crossbody import gl

    if options.out and options.out.suffix not in (".npz", *PICTURES):
        raise CrossbodyError(f"{options.out}: expected a name that ends in .npz, {' or '.join(PICTURES)}")
    if options.out and options.out.suffix in PICTURES:
        gl.prepare()
    from envs.humanoid import robot
    from envs.humanoid.motions.posing import PosingModel
    from envs.humanoid.motions.quality import measure
    from tasks.motion.store import save

    motion = library.load(options.name, options.robot)
    print(f"{options.name}: {(len(motion.keypoints) - 1) / motion.fps:.2f} s at {motion.fps:g} frames a second")
    print("\n".join(f"  {text}" for text in motion.texts))
    for line in measure(motion, PosingModel(robot.load(options.robot))).lines():
        print(line)
    if options.out and options.out.suffix in PICTURES:
        _picture(motion, options.robot, options.out)
    elif options.out:
        save(motion, options.out)
    if options.out:
        print(options.out)
    return 0


def _picture(motion: Motion, robot_name: str, out: Path) -> None:
    from PIL import Image

    from envs.humanoid import robot
    from envs.humanoid.motions.pictures import sheet

    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(motion, robot.load(robot_name))).save(out)


def _clips(options: argparse.Namespace) -> tuple[dict[str, Motion], str, int]:
    """Return the motions by name, a title, and how many are left out, each with a line that says why."""
    from envs.humanoid.motions.robot_files import read_folder
    from tasks.motion.foreign import Hints
    from tasks.motion.motion import MotionError

    if options.motions is None:
        names = library.names(options.split, options.clips)
        found = {}
        with Steps("motions", len(names)) as steps:
            for name in names:
                found[name] = library.load(name, options.robot)
                steps.advance()
        split = "" if options.split == "all" else f", {options.split.replace('_', ' ')}"
        return found, f"Procedural motions {library.VERSION} of the {options.robot}{split}", 0
    if options.fps is not None and not 0 < options.fps < float("inf"):
        raise CrossbodyError(f"--fps is {options.fps:g}; it must be above 0")
    read = read_folder(options.motions, Hints(options.fps, options.up, options.metres_per_unit, tuple(options.joints)))
    wrong = [motion for motion in read.values() if isinstance(motion, MotionError)]
    for error in wrong:
        print(f"left out: {error}", file=sys.stderr)
    good = {name: motion for name, motion in read.items() if not isinstance(motion, MotionError)}
    return good, f"Motions of {options.motions.name}", len(wrong)
