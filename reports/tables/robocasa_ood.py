"""RoboCasa GR1 out of distribution: three splits of 73 tasks under both published aggregators,
and the gap to in-domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.columns import Column
from reports.frames import where
from reports.gap import matched_gap
from reports.published import SPLIT_MEAN, PublishedRow
from reports.sections import frame, means, single_tasks
from reports.table import Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SUITE, IN_DOMAIN = "robocasa_ood", "robocasa_gr1"

SPLITS = ("unseen_appearance", "unseen_combinations", "unseen_object_types")
WITHOUT_FIXTURES = ("unseen_appearance", "unseen_containers", "unseen_object_types")

APPEARANCE = Column("Unseen Appearance (18)", SPLITS[:1], part=SPLITS[0])
COMBINATIONS = Column("Unseen Combinations (14+9)", SPLITS[1:2], part=SPLITS[1])
CONTAINERS = Column("Unseen Combinations, containers (14)", SPLITS[1:2], "pick_and_place", part="unseen_containers")
FIXTURES = Column("Unseen Combinations, fixtures (9)", SPLITS[1:2], "articulated", part="unseen_fixtures")
OBJECT_TYPES = Column("Unseen Object Types (32)", SPLITS[2:], part=SPLITS[2])

UNIT = (
    APPEARANCE,
    COMBINATIONS,
    OBJECT_TYPES,
    Column("Mean of 73 tasks", SPLITS, parts=SPLITS),
    Column("Mean of 3 splits", SPLITS, aggregator=SPLIT_MEAN, parts=SPLITS),
)
"""UniT's list of tasks; it prints the mean of tasks."""

DIAL = (
    APPEARANCE,
    CONTAINERS,
    OBJECT_TYPES,
    Column("Mean of 64 tasks", SPLITS, "pick_and_place", parts=WITHOUT_FIXTURES),
    Column("Mean of 3 splits", SPLITS, "pick_and_place", SPLIT_MEAN, parts=WITHOUT_FIXTURES),
)
"""DIAL's list, without the nine unseen fixtures; it prints the mean of splits."""


def build(rows: pd.DataFrame, known: Sequence[PublishedRow], rng: np.random.Generator) -> pd.DataFrame:
    """Return splits and overall means on both papers' lists of tasks, the gap to in-domain, and every task."""
    ours = where(rows, "suite", SUITE)
    papers = [row for row in known if row.suite == SUITE]
    found = means("UniT’s 73 tasks", UNIT, ours, [row for row in papers if row.part(COMBINATIONS.part)], rng)
    found += means(
        "DIAL’s 64 tasks (no unseen fixtures)", DIAL, ours, [row for row in papers if row.part(CONTAINERS.part)], rng
    )
    found += matched_gap("ID–OOD gap on the 18 matched pairs", rows, known, rng)
    found += single_tasks("Tasks", (APPEARANCE, CONTAINERS, FIXTURES, OBJECT_TYPES), ours, papers, rng)
    return frame(found)


TABLE = Table(
    SUITE,
    "RoboCasa GR1, out of distribution",
    grouping=("agent", "run", "suite"),
    build=build,
    also=(IN_DOMAIN,),
    trained_on="the 24 post-training tasks: a policy pre-trained on NVIDIA’s larger GR1 corpus may have seen these "
    "ones",
)
