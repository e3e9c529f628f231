"""Vendors' builds of runtimes, hundreds of MB each: outside of `make check`, see `make test-vendors`."""
