"""The nouns: frozen dataclasses and arithmetic on them, no I/O."""
