"""Videos on disk: what they are, and their frames with the time of each."""
