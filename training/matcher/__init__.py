"""The motion matcher: motions and texts in one space."""
