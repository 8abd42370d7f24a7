"""Metrics of a predicted and a real motion."""
