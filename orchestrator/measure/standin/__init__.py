"""Stand-in devices: real daemons in namespaces of this machine, each with its own root, sensors and link."""
