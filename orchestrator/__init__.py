"""Earshot's controller: make -> measure -> ledger -> decide -> tell."""
