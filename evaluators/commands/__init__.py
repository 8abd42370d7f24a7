"""What is typed: each command asks the rooms below for its work."""
