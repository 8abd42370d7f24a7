"""What a person is told: the same errand in many words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs.human.things import spoken

if TYPE_CHECKING:
    from envs.human.scene import Scene

SPEECH = {
    "pick_place": (
        "pick the {thing} from the {source} and place it in the {target}",
        "pick up the {thing} from the {source} and place it {into} the {target}",
        "take the {thing} off the {source} and put it {into} the {target}",
        "move the {thing} from the {source} to the {target}",
        "place the {thing} that lies on the {source} {into} the {target}",
        "put the {thing} {into} the {target}",
        "pick up the {thing} and place it {into} the {target}",
        "grab the {thing} and drop it {into} the {target}",
    ),
    "close": (
        "pick up the {thing}, place it into the drawer and close the drawer",
        "put the {thing} into the drawer and close it",
        "take the {thing}, put it in the drawer and push the drawer shut",
        "place the {thing} in the drawer, then close the drawer",
    ),
}
FLAT = ("plate", "tray", "tiered_shelf")


def instruction(scene: Scene, random: np.random.Generator) -> str:
    """Return one way to ask for what is done in a scene."""
    errand = scene.errand
    phrases = SPEECH["close" if errand.target == "drawer" else "pick_place"]
    into = random.choice(["on", "onto"] if errand.target in FLAT else ["in", "into"])
    phrase = phrases[random.integers(len(phrases))]
    return phrase.format(
        thing=spoken(scene.carried.kind), source=spoken(errand.source), target=spoken(errand.target), into=into
    )
