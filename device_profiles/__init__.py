"""Facts about kinds of devices, one TOML file each; read by ``orchestrator.measure.lab.profiles``."""
