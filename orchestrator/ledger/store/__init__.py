"""Files that travel between a farm's hosts, by the SHA-256 of their bytes: where they are kept, how they come."""
