"""From an artifact and a device to a session."""
