"""Motion tracking out of distribution: other motions, speeds, bodies and disturbances."""

from __future__ import annotations

from reports.tracking import table

TABLE = table(
    "motion_tracking_ood",
    "Motion tracking, out of distribution",
    "References are motions of the procedural set, changed as the condition says.",
)
