"""Metrics of sets of motions that draw, and are the mean of 20 draws."""
