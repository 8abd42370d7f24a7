"""Demonstrations of the human-hand body: how a person moves, what is recorded of it,
and the worker that collects it."""
