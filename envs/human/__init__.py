"""A person's two hands over a table, seen from the head: scenes and kinematics for demonstrations of a second body."""
