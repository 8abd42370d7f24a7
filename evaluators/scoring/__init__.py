"""One pipeline from two folders, or from a run, to rows: pair, measure, mean, interval, table."""
