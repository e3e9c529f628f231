"""Twins: devices that exist as a model only, for trying how large a farm may become."""
