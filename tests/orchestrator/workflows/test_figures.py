"""What ``earshot run`` says before its figures: whether they are of a device at all."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.domain.session import Session
from orchestrator.workflows.figures import Figure, session_figures
from tests.sessions import ENVIRONMENT, candidate, paced_times, session

RATE_HZ = 16_000


def on(virtual: str | None) -> Session:
    return session(candidate(), environment=replace(ENVIRONMENT, probe=replace(ENVIRONMENT.probe, virtual=virtual)))


@pytest.mark.parametrize("virtual", [None, "hypervisor: KVM"])
def test_a_real_processor_needs_no_word(virtual: str | None) -> None:
    assert session_figures(on(virtual), RATE_HZ)[0] == Figure("verdict", "valid", "")


def test_emulated_comes_before_all_figures() -> None:
    emulator = "qemu-user: aarch64 on a x86_64 kernel"
    first = session_figures(on(f"container: docker, {emulator}"), RATE_HZ)[0]
    assert first == Figure("emulated", 1, "", f"{emulator}: no figure here says anything about a device")


def test_a_stand_in_is_called_one() -> None:
    first = session_figures(on("stand-in: pixel-8"), RATE_HZ)[0]
    assert (first.name, first.value) == ("stand-in", 1)
    assert "those of this machine" in first.note


def test_the_verdict_comes_with_its_reasons() -> None:
    hot = session(candidate(), chunks=20, throttled_before=True)
    verdict = session_figures(hot, RATE_HZ)[0]
    assert (verdict.name, verdict.value) == ("verdict", "invalid")
    assert "throttled before it (synthetic flag); 20 chunks cannot tell" in verdict.note


def test_a_long_session_is_told_minute_by_minute() -> None:
    ms = np.repeat([4.0] * 3 + [6.0] * 6, 3000) * np.random.default_rng(0).normal(1.0, 0.02, 27_000)
    of = session(candidate(), t_ns=paced_times((ms * 1e6).astype(np.int64), lateness_ns=0))
    figures = {figure.name: figure for figure in session_figures(of, RATE_HZ)}
    assert figures["sustained ratio"].value == pytest.approx(1.5, rel=0.02)
    assert "less than 15 minutes" in figures["sustained ratio"].note
    assert figures["knee"].value == pytest.approx(180, abs=1)
    assert figures["time to throttle"] == Figure("time to throttle", None, "s", "absent: no core clock was read")
    assert figures["minute 4, p50"].value == pytest.approx(6.0, rel=0.01)
    assert figures["minute 4, p99"].value == pytest.approx(6.0 * 1.047, rel=0.02)
    short = {figure.name for figure in session_figures(session(candidate()), RATE_HZ)}
    assert not short & {"knee", "sustained ratio", "minute 1, p50"}
