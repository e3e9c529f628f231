"""What happened, for ever: tables, compressed arrays and queries. Everything else is a view of it."""
