"""paramiko without invoke, whose import takes as long as all the rest of it: 0.1 s of every command over SSH.

paramiko goes without it where it is not installed, and needs it for ``Match exec`` lines only; ``ssh_config`` passes
those over.
"""

import sys

_OPTIONAL = "invoke"
_hidden = _OPTIONAL not in sys.modules
if _hidden:
    # None makes its import fail (importlib, "sys.modules").
    sys.modules[_OPTIONAL] = None  # type: ignore[assignment]
try:
    import paramiko
finally:
    if _hidden:
        del sys.modules[_OPTIONAL]

__all__ = ["paramiko"]
