"""A tool on a device that has only a shell, over every transport; what it says becomes a closed-loop session."""

import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.native import CLOSED_LOOP, TOOLS
from orchestrator.errors import BadInput
from orchestrator.measure.native.run import NativeRun, run_native
from orchestrator.measure.native.shell_probe import probe_by_shell
from orchestrator.measure.transports.base import Transport
from orchestrator.measure.transports.local import LocalTransport
from tests.orchestrator.measure.native.stand_ins import stand_in
from tests.orchestrator.measure.native.test_binary import elf
from tests.phones import Phone


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "some model.tflite"
    path.write_bytes(b"TFL3" * 100)
    return path


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_over_every_way(name: str, transport: Transport, model: Path, tmp_path: Path) -> None:
    wanted = NativeRun(name, stand_in(tmp_path, name), model, threads=2, runs=200)
    probe = probe_by_shell(transport)
    done = run_native(transport, probe, wanted, "s1", str(tmp_path / "root"))
    assert done.times is not None, done.reason
    assert done.times.mean_ns == pytest.approx(3_100_000.0)
    assert (done.mode, done.device, done.transport) == (CLOSED_LOOP, transport.name, transport.kind)
    assert done.model == "some model.tflite"
    program = next((tmp_path / "root" / "native").rglob(name))
    assert (program.parent / "arguments").read_text().splitlines() == list(done.arguments)
    assert "some_model.tflite" in (program.parent / "arguments").read_text()


def test_a_phone_without_python_and_without_rights(phone: Phone, model: Path, tmp_path: Path) -> None:
    """User shell of the genuine adbd; below /data/local/tmp, with a library beside the program."""
    library = tmp_path / "libsome.so"
    library.write_bytes(elf(tmp_path / "head", {"x86_64": 62, "aarch64": 183}[platform.machine()]).read_bytes())
    wanted = NativeRun(
        "benchmark_model", stand_in(tmp_path, "benchmark_model"), model, libraries=(library,), extra=("--use_gpu=true",)
    )
    with phone.open() as transport:
        probe = probe_by_shell(transport)
        done = run_native(transport, probe, wanted, "s1")
        assert done.ok, done.reason
        assert done.arguments[0] == "--use_gpu=true"
        beside = transport.exec(["sh", "-c", "cat .cache/earshot/native/*/library_path; id -u"]).stdout.decode()
    folder, uid = beside.split()
    assert folder.startswith("/data/local/tmp/.cache/earshot/native/")
    assert uid == "2000"
    assert set(done.libraries) == {"libsome.so"}


def test_the_shell_tells_what_the_agent_would(tmp_path: Path) -> None:
    probe = probe_by_shell(LocalTransport())
    assert (probe.machine, probe.kernel) == (platform.machine(), platform.release())
    assert len(probe.cores) == os.cpu_count()
    assert probe.memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert (probe.python, probe.runtimes, probe.sensors) == ("none", (), ())


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("echo 'cannot open model' >&2; exit 3", "it ended with exit code 3: cannot open model"),
        ("kill -9 $$", "it was killed"),
        ("sleep 60", "it did not end within 1 s"),
    ],
)
def test_a_tool_that_fails_is_a_failed_session(then: str, reason: str, model: Path, tmp_path: Path) -> None:
    program = stand_in(tmp_path, "benchmark_model", then=then)
    wanted = NativeRun("benchmark_model", program, model, timeout_s=1.0 if "sleep" in then else 60.0)
    local = LocalTransport()
    done = run_native(local, probe_by_shell(local), wanted, "s1", str(tmp_path / "root"))
    assert done.times is None
    assert reason in (done.reason or "")


def test_another_tools_output_is_no_figure(model: Path, tmp_path: Path) -> None:
    wanted = NativeRun("onnxruntime_perf_test", stand_in(tmp_path, "benchmark_model"), model)
    local = LocalTransport()
    done = run_native(local, probe_by_shell(local), wanted, "s1", str(tmp_path / "root"))
    assert "is this onnxruntime_perf_test?" in (done.reason or "")
    assert "Inference timings in us" in done.output_tail


def test_a_program_of_another_processor_is_not_sent(model: Path, tmp_path: Path) -> None:
    local = LocalTransport()
    phone = replace(probe_by_shell(local), machine="riscv64")
    wanted = NativeRun("benchmark_model", elf(tmp_path / "tool", 62), model)
    with pytest.raises(BadInput, match="is for x86_64, local is riscv64"):
        run_native(local, phone, wanted, "s1", str(tmp_path / "root"))
    assert not (tmp_path / "root").exists()
