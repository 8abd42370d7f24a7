"""Where conditions come from: one file per kind of source, with an ``open_conditions``."""
