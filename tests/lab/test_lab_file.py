"""The lab file of a lab: what is written is what the reader gives back."""

from dataclasses import replace
from pathlib import Path

from orchestrator.measure.lab.device import Device, Hooks
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.standin.lab_text import lab_text

CABLE = Device("pixel-adb", "adb", host="198.18.0.2", port=5601, adb_key=Path("/keys/adb key"))
TERMUX = Device(
    "pixel",
    "ssh",
    host="127.0.0.1",
    port=8022,
    user="u0_a187",
    identity_file=Path('/keys/"quoted"'),
    known_hosts=Path("/keys/known_hosts"),
    jump="pixel-adb",
    python="/data/data/com.termux/files/usr/bin/python",
    profile="pixel-8",
    tags=("stand-in", "phone"),
    hooks=Hooks(power_cycle=("earshot", "lab", "reboot", "pixel", "--folder", "/a b/$(c)")),
)


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(lab_text([TERMUX, CABLE]))
    devices = load_lab(path).devices
    assert devices["pixel-adb"] == CABLE
    assert devices["pixel"] == replace(TERMUX, via=CABLE)
