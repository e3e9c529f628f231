"""Ways to a device: run a command there, put a file there, fetch one."""
