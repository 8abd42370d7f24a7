"""Motion tracking: errors of the humanoid beside Humanoid-VLA’s Table 2."""

from __future__ import annotations

from reports.tracking import table

TABLE = table("motion_tracking", "Motion tracking", "References are motions of the procedural set.")
