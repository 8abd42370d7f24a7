"""RoboCasa GR1 in-domain: 18 pick-and-place and 6 articulated tasks beside every published number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.columns import Column
from reports.published import PublishedRow
from reports.sections import frame, means, single_tasks
from reports.table import Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SPLIT = ("in_domain",)

PICK_AND_PLACE = Column("Pick & place (18)", SPLIT, "pick_and_place", part="pick_and_place")
ARTICULATED = Column("Articulated (6)", SPLIT, "articulated", part="articulated")
ALL = Column("Mean of 24 tasks", SPLIT, parts=("pick_and_place", "articulated"))


def build(rows: pd.DataFrame, known: Sequence[PublishedRow], rng: np.random.Generator) -> pd.DataFrame:
    """Return both families and their task-weighted mean, then every task."""
    found = means("24 in-domain tasks", (PICK_AND_PLACE, ARTICULATED, ALL), rows, known, rng)
    found += single_tasks("Tasks", (ARTICULATED, PICK_AND_PLACE), rows, known, rng)
    return frame(found)


TABLE = Table("robocasa_gr1", "RoboCasa GR1, in-domain", grouping=("agent", "run"), build=build)
