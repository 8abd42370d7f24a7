"""The ``train`` command: a tokenizer or a policy from demonstrations, resumed where it was left."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from crossbody.errors import CrossbodyError, UnknownName
from crossbody.main import guarded
from training.options import (
    Common,
    GuessOptions,
    LooksOptions,
    MatcherOptions,
    PolicyOptions,
    TokenizerOptions,
    TokenOptions,
)
from training.wbc.options import WbcOptions

RECIPES = {
    "tokenizer": ("training.unit.tokenizer", TokenizerOptions, "UniT's tokenizer, in any of its variants"),
    "looks": ("training.unit.looks", LooksOptions, "where object and container are: what both policies may begin with"),
    "guess": (
        "training.unit.guess",
        GuessOptions,
        "what to do next, from joints and places alone: what both policies go on from",
    ),
    "vla_unit": ("training.unit.policy", TokenOptions, "VLA-UniT: a policy that predicts the tokenizer's codes"),
    "gr00t": ("training.unit.policy", PolicyOptions, "its matched baseline: the same policy from actions alone"),
    "wbc": ("training.wbc.recipe", WbcOptions, "the whole-body controller: PPO in simulation, without demonstrations"),
    "matcher": (
        "training.matcher.recipe",
        MatcherOptions,
        "motions and texts in one space, for FID and R-precision; it makes its own data",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a recipe and return the exit code; 2 for a mistake of the user's, told in one message."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    import tyro

    name, *rest = arguments
    if name not in RECIPES:
        raise UnknownName("recipe", name, RECIPES)
    module, kind, _ = RECIPES[name]
    options: Common | MatcherOptions | WbcOptions = tyro.cli(kind, args=rest, prog=f"train {name}")
    if isinstance(options, MatcherOptions):
        print(f"wrote {importlib.import_module(module).train(options)}")
        return 0
    if isinstance(options, WbcOptions):
        recipe = importlib.import_module(module)
        print(recipe.describe(options) if options.plan else f"wrote {recipe.train(options)}")
        return 0
    if options.plan:
        from training.unit.plan import describe

        print(describe(name, options))
        return 0
    if not options.data:
        raise CrossbodyError(
            "train on what? Give --data DIR; `uv run crossbody collect --suite robocasa_gr1 --out DIR` makes demonstrations."
        )
    from training.data.chunks import open_folders

    sets = open_folders(options.data, options.episodes)
    print(f"wrote {importlib.import_module(module).train(options, sets)}")
    return 0


def _overview() -> str:
    width = max(map(len, RECIPES))
    lines = [f"  {name:<{width}}  {summary}" for name, (_, _, summary) in RECIPES.items()]
    return "\n".join(["usage: train RECIPE …", "", *lines, "", "`train RECIPE --help` has the options of each."])


if __name__ == "__main__":
    sys.exit(main())
