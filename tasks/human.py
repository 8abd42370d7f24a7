"""What a person does at the table: carry one thing from where it lies into a container,
or into a drawer that is closed then."""

from __future__ import annotations

from typing import NamedTuple

FAMILY = "human_hands"


class Errand(NamedTuple):
    """One task: ``source`` and ``target`` are kinds of things; the source may be the bare table,
    the target a drawer."""

    source: str
    target: str

    @property
    def name(self) -> str:
        return f"{'close_' if self.target == 'drawer' else 'pick_place_'}{self.source}_to_{self.target}"


ERRANDS = tuple(
    Errand(source, target)
    for source, targets in (
        ("table", ("bowl", "plate", "basket", "cardboard_box", "pot", "tray", "drawer")),
        ("plate", ("bowl", "cardboard_box", "pan", "plate", "tiered_basket")),
        ("tray", ("cardboard_box", "plate", "pot", "tiered_basket", "tiered_shelf")),
        ("cutting_board", ("basket", "cardboard_box", "pan", "pot", "tiered_basket")),
        ("placemat", ("basket", "bowl", "plate", "tiered_shelf")),
    )
    for target in targets
)
"""More pairs than the robot's, most of its own among them."""
