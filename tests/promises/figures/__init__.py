"""The figure of each promise: what Earshot's code gives where the truth is known, and what a naive script gives there.

One file for each promise, with ``rows`` (its seeds are fixed: the same call gives the same rows, but for what is
measured on this machine, which its file says). ``tests/promises/table.py`` writes them into docs/measurement.md.
"""
