"""``agent doctor``: what on this device could harm a measurement. Facts only; what they mean the controller decides.

Each module reads one family below a ``root`` and leaves the reason in ``absent`` for what it cannot read: a value of
None with no reason there means that there is none of it.
"""
