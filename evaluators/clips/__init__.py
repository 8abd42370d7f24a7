"""Scoring videos: reading clips, pairing them, measuring each pair, and what a set of them says."""
