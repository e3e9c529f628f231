"""Intervals, tests and classifiers on plain arrays: numpy only, no I/O, no nouns of the domain."""
