"""What a metric takes: an episode's trace, motions, videos, and sets of them."""
