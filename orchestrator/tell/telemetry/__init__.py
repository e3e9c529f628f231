"""The ledger as Prometheus sees it. The ledger stays the truth: all here can be made anew from it."""
