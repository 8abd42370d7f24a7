"""What a judge is asked: pairs, the frames of their clips, the rubric, and what comes back."""
