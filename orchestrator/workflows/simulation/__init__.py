"""``earshot farm simulate``: a night of twins through the real planner, queue, leases and ledger."""
