"""Motion tokens, the language model over them, and the baselines on the same clips."""
