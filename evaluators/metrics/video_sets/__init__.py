"""Metrics of sets of videos in an embedding."""
