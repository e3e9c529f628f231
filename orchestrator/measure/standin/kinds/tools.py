"""Stand-ins for a vendor's command line tools: scripts that print files of the board, which can be changed live."""

from orchestrator.measure.standin.rootfs import File

# Where the scripts find what to say. Part of the board: it can be changed while the device runs.
SAYS = "/opt/standin"
MARK = "/etc/earshot-standin"


def mark(kind: str) -> dict[str, File]:
    """Says to whoever looks that this is no real device."""
    return {MARK: File(f"{kind}\n")}


def script(text: str) -> File:
    """For sh of any userland; ``$SAYS`` is the folder with the answers."""
    mark = f"# A stand-in of Earshot's test lab: prints what the lab has put into {SAYS}."
    return File(f"#!/bin/sh\n{mark}\nSAYS={SAYS}\n{text}", 0o755)
