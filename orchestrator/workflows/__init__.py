"""Whole jobs: the only place that knows several wings."""
