"""Motion tracking under the versatile conditions of Humanoid-VLA’s Table 2."""

from __future__ import annotations

from reports.tracking import table

TABLE = table(
    "motion_conditions",
    "Motion tracking under versatile conditions",
    "There is no motion model in the loop: references come from the motion set, masked and timed as the "
    "condition says.",
)
