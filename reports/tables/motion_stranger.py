"""A stranger’s dance, tracked: the reference that ships with holosoma-inference."""

from __future__ import annotations

from reports.tracking import table

TABLE = table(
    "motion_stranger", "A stranger’s dance", "The reference is the dance inside the policy of holosoma-inference."
)
