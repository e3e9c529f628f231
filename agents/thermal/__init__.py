"""Temperatures and clocks that only a tool of the device tells. Modules as in ``agents.power``."""
