"""Demonstrations in the formats of the field, and the samples that models train on."""
