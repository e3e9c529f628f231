"""How many concurrent streams a device holds: the verdict on one number of them, and the search for the largest."""
