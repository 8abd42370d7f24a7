"""The tables and charts of the two papers made anew: their numbers, ours beside them,
and what their arithmetic says."""
