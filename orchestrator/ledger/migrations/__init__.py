"""How a ledger in a PostgreSQL came to its tables, step by step (Alembic). A file's tables are made as they are now."""
