"""Searches tried on recorded runs, with no device."""
