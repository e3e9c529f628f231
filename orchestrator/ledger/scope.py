"""What a transaction says of itself when it begins."""

# Execution options of SQLAlchemy: whether it writes, and what about. Those with one scope follow each other. SQLite has
# one lock for all.
WRITES = "earshot_writes"
SCOPE = "earshot_scope"
# In a connection's info: when a writer of a PostgreSQL had its lock, seconds since 1970 by the server's clock.
NOW = "earshot_now_s"
