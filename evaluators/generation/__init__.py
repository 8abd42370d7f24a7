"""Clips from a generator: conditions, making, and the folder that ``score`` and ``judge`` read."""
