"""What the answers say: scores with intervals, agreement, and pages."""
