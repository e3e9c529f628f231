"""Nights judged: what is suspect, what a re-run of old against new says, since when, and what may be to blame."""
