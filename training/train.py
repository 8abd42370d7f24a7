"""The ``train`` command: a recipe of the catalog, resumed where it was left."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from crossbody import catalog
from crossbody.main import guarded
from training.recipe import Recipe


def main(argv: Sequence[str] | None = None) -> int:
    """Run a recipe and return the exit code; 2 for a mistake of the user's, told in one message."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    name, *rest = arguments
    recipe: Recipe = catalog.resolve("recipes", name)
    import tyro

    options = tyro.cli(recipe.options, args=rest, prog=f"train {name}")
    if options.plan:
        print(recipe.plan(options))
        return 0
    from training.running import train

    print(f"wrote {train(name, recipe, options)}")
    return 0


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
            "`train RECIPE --help` has the options of each. A killed training goes on, to the last bit, when the same command is typed",
            "again; in a folder of another training, or of one with other options, `train` refuses and says what differs.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
