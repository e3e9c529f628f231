"""Which devices there are, how to reach them, and what kind of device each one is."""
