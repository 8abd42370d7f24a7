"""The UniT family: its recipes, what they see of their data, and the analyses."""
