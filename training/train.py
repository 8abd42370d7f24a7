"""The ``train`` command: a recipe of the catalog, resumed where it was left."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from crossbody import catalog
from crossbody.errors import CrossbodyError
from crossbody.main import guarded
from training.recipe import Recipe

OLD_RECIPES = {"looks": "object_localizer", "guess": "base_policy"}
OLD_OPTIONS = {"--looks": "--localizer", "--guess": "--base-policy", "--unsure": "--position-noise"}
"""Names of version 0.1.0 -> what they are called now (docs/renames.md)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a recipe and return the exit code; 2 for a mistake of the user's, told in one message."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    name, *rest = arguments
    _refuse_old_names(name, rest)
    recipe: Recipe = catalog.resolve("recipes", name)
    import tyro

    options = tyro.cli(recipe.options, args=rest, prog=f"train {name}")
    if options.plan:
        print(recipe.plan(options))
        return 0
    from training.running import train

    print(f"wrote {train(name, recipe, options)}")
    return 0


def _refuse_old_names(recipe: str, words: Sequence[str]) -> None:
    if recipe in OLD_RECIPES:
        raise CrossbodyError(
            f"the recipe '{recipe}' is called {OLD_RECIPES[recipe]} now: `uv run train {OLD_RECIPES[recipe]} …`"
        )
    for option in (word.partition("=")[0] for word in words):
        if option in OLD_OPTIONS:
            raise CrossbodyError(f"the option {option} is called {OLD_OPTIONS[option]} now")


def _overview() -> str:
    recipes = catalog.entries("recipes")
    width = max(map(len, recipes))
    lines = [f"  {name:<{width}}  {entry.summary}" for name, entry in recipes.items()]
    return "\n".join(
        [
            "usage: train RECIPE …",
            "",
            *lines,
            "",
            "`train RECIPE --help` has the options of each. A killed training goes on, to the last bit, when "
            "the same command is typed",
            "again; in a folder of another training, or of one with other options, `train` refuses and says "
            "what differs.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
