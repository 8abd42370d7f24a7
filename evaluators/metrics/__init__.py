"""Metrics in a folder for each subject: what a metric takes is where its file lies."""
