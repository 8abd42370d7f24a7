"""What is special about motions: how they are aligned, measured and embedded."""
