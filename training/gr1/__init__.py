"""Demonstrations of the robot: the scripted expert in physics, and pictures of rearranged scenes."""
