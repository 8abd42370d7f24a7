"""Networks and algorithms that look at pictures."""
