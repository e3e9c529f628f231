"""The command line: one file per verb group, and the only place that prints."""
