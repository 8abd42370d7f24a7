"""Metrics of an episode's trace."""
