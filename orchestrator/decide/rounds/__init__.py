"""The inner loop of re-export: which recipe to mend, what to try in its place, and what came of it. Pure."""
