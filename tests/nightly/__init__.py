"""What takes minutes and runs outside of `make check`: see the Makefile's nightly targets."""
