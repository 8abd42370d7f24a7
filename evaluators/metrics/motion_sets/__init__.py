"""Metrics of sets of motions in an embedding."""
