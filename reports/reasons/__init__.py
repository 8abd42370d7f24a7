"""Reasons of failures: one file each, with a ``REASON``."""
