"""What devices say through sh alone: the stand-ins of the test lab, with the genuine daemons and their userlands."""

from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.lab.agreement import compare
from orchestrator.measure.lab.identity import profile_of, require_profile
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.native.run import NativeRun, run_native
from orchestrator.measure.native.shell_probe import probe_by_shell
from tests.lab.fixtures import MakeStandIn
from tests.orchestrator.measure.native.stand_ins import stand_in
from tests.orchestrator.measure.native.test_files import BareDevice


@pytest.mark.parametrize(
    ("kind", "profile", "context"),
    [
        ("pi5", "raspberry-pi-5", "ssh"),
        ("orin-nano", "jetson-orin-nano", "ssh"),
        ("pixel-8", "pixel-8", "termux"),
        ("galaxy-a15", "galaxy-a15", "adb-shell"),
    ],
)
def test_a_device_is_known_and_a_tool_runs_there(
    kind: str, profile: str, context: str, make_standin: MakeStandIn, tmp_path: Path
) -> None:
    made = make_standin(kind)
    with open_transport(made.device) as transport:
        probe = probe_by_shell(transport)
    (tmp_path / "m.tflite").write_bytes(b"TFL3")
    wanted = NativeRun("benchmark_model", stand_in(tmp_path, "benchmark_model"), tmp_path / "m.tflite")
    # On a phone native tools run under adb shell, not in Termux: the last way in is the cable.
    with open_transport(made.devices[-1]) as transport:
        done = run_native(transport, probe, wanted, "s1")
    assert done.ok, done.reason
    assert probe.context == context
    assert "stand-in" in (probe.virtual or "")
    require_profile(made.device, probe)
    found = profile_of(probe)
    assert found is not None
    assert found.name == profile
    # Its memory is this machine's: a stand-in has no kernel of its own.
    told = {line.fact: line.agrees for line in compare(found, probe) if line.fact != "memory"}
    assert told
    assert set(told.values()) == {True}


def test_a_device_that_says_nothing_is_not_taken_for_this_machine(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotReady, match="bare does not say what it is"):
        probe_by_shell(BareDevice(tmp_path / "bin", ("sh",)))
