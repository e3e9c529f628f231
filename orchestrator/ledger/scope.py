"""What a transaction says of itself when it begins."""

# Execution options of SQLAlchemy: whether it writes, and what about. Those with one scope follow each other. SQLite has
# one lock for all.
WRITES = "earshot_writes"
SCOPE = "earshot_scope"
