"""Humanoid-VLA: motions as words of five body parts, a language model over words and motions, and what is asked of it."""
