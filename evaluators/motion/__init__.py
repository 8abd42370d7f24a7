"""Scoring motions: pairing clips, measuring each, embeddings, and what sets of them say."""
