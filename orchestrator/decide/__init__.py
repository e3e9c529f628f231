"""From sessions to a verdict."""
