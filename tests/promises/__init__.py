"""One file for each promise of docs/measurement.md, named after its number."""
