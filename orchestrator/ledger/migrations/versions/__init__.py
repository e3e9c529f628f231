"""A step each: what it did to the tables stays as it was written."""
