"""From files and an open transport to a finished session: agent archive, push by hash, run."""
