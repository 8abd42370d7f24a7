"""What is compared with the reference."""

from __future__ import annotations

PREDICTION, STILL, REAL = "prediction", "still", "real_vs_real"
"""The prediction; the last given frame or first pose, repeated; another real clip."""

SYSTEMS = (PREDICTION, STILL, REAL)
