"""Silero VAD, as far as its wheel is installed: a graph and weights that nobody here made."""
