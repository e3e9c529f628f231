"""How to find the best candidate in little device time: strategies behind ask and tell."""
