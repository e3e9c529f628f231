"""The Earshot agent: what runs on a device. Python 3.9, stdlib + numpy + one runtime.

``EARSHOT_AGENT`` marks this package as ours: another distribution installs a top-level ``agents`` too.
"""

EARSHOT_AGENT = 1
