"""Metrics of one motion."""
