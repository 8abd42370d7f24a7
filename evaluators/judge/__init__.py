"""A judge for pairs of clips: Semantic, Temporal and Geometric agreement from 1 to 5,
with everything kept that an audit needs."""
