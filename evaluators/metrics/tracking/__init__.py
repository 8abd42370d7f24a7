"""Metrics of the trace of a body that tracks a motion."""
