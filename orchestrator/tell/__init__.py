"""From the ledger to people."""
