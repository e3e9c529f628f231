"""Which session runs when: interleaving, and the budget of device time."""
