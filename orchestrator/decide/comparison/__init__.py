"""Comparing two candidates over independent runs: alike or refused, the effect, and what the device can tell."""
