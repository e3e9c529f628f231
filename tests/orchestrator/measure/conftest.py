"""Devices that these tests reach."""

from tests.hosts import make_ssh_host, ssh_host

__all__ = ["make_ssh_host", "ssh_host"]
