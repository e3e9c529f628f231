"""What a session tells: its own figures in base units, and none that cannot be believed or stand elsewhere."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from agents import wire
from agents.device_facts import DeviceState
from orchestrator.domain.energy import NO_IDLE, idle_power
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.statistics.percentiles import percentile
from orchestrator.tell.telemetry.names import CONFIGURATION
from orchestrator.tell.telemetry.told import Told
from orchestrator.workflows.telemetry_sessions import session_told
from tests.metered import busy_power, idle_session, sampled
from tests.sessions import SAMPLE_RATE_HZ, STUDY, artifact, candidate, paced_times, score, service, session

P99 = ("earshot_latency_seconds", "0.99")


def told(of: Session, **changes: object) -> Told:
    given = {"artifact": artifact(), "study": STUDY, "scores": (), "idle": NO_IDLE} | changes
    return session_told(of, **given)  # type: ignore[arg-type]


def figures(of: Told) -> dict[tuple[str, str], float]:
    """(name, quantile or metric) -> value."""
    return {(s.name, "".join(v for k, v in s.labels if k in ("quantile", "metric"))): s.value for s in of.samples}


def names(of: Told) -> set[str]:
    return {sample.name for sample in of.samples}


def info(of: Told) -> dict[str, str]:
    return dict(next(sample.labels for sample in of.samples if sample.name == "earshot_session_info"))


def test_its_quantiles_are_the_exact_ones_in_seconds_with_their_bounds() -> None:
    ran = session(candidate(), chunks=2000)
    found = figures(told(ran))
    latency_s = ran.timeline(SAMPLE_RATE_HZ).latency_ns / 1e9
    exact = percentile(latency_s, 0.99)
    assert found[P99] == pytest.approx(exact.value, rel=1e-12)
    assert found["earshot_latency_low_seconds", "0.99"] == pytest.approx(exact.low, rel=1e-12)
    assert found["earshot_latency_high_seconds", "0.99"] == pytest.approx(exact.high, rel=1e-12)
    assert found["earshot_latency_seconds", "0.5"] == pytest.approx(percentile(latency_s, 0.5).value, rel=1e-12)
    assert found["earshot_miss_ratio", ""] == 0.0
    assert found["earshot_load_seconds", ""] == 0.03
    assert found["earshot_peak_memory_bytes", ""] == 40_000_000
    assert found["earshot_artifact_size_bytes", ""] == 800_000
    rtf = [found[f"earshot_rtf{end}_ratio", ""] for end in ("_low", "", "_high")]
    assert rtf == sorted(rtf)
    assert rtf[1] == pytest.approx(ran.timeline(SAMPLE_RATE_HZ).rtf)


def test_the_histogram_has_every_chunk_and_the_exemplar_names_the_session() -> None:
    ran = session(candidate(), chunks=700)
    found = told(ran)
    assert found.histogram is not None
    name, histogram = found.histogram
    assert (name, histogram.count) == ("earshot_latency_distribution_seconds", 700)
    assert histogram.total == pytest.approx(ran.timeline(SAMPLE_RATE_HZ).latency_ns.sum() / 1e9)
    assert found.exemplar == (("session_id", ran.session_id),)
    marked = found.samples[found.exemplar_of or 0]
    assert (marked.name, dict(marked.labels)["quantile"]) == P99


def test_labels_are_the_configuration_and_the_time_is_its_end() -> None:
    ran = replace(session(candidate(threads=2, allow_spinning="0")), duration_s=12.25)
    found = told(ran)
    assert tuple(name for name, _ in found.labels) == CONFIGURATION
    assert dict(found.labels)["variant"] == "2t chunk 320 allow_spinning=0"
    assert found.at_ms == round(datetime.fromisoformat(ran.started_utc).timestamp() * 1000) + 12_250
    assert info(found)["session_id"] == ran.session_id
    assert (info(found)["outcome"], info(found)["verdict"]) == ("ok", "valid")


def test_few_chunks_tell_no_p99() -> None:
    found = figures(told(session(candidate(), chunks=100)))
    assert ("earshot_latency_seconds", "0.5") in found
    assert P99 not in found


def test_flat_out_has_no_latency() -> None:
    found = names(told(session(candidate(), "flat-out")))
    assert "earshot_service_seconds" in found
    assert not {name for name in found if "latency" in name or "miss" in name}


@pytest.mark.parametrize("kind", ["failed", "throttled", "emulated", "lost"])
def test_what_cannot_be_believed_tells_that_it_ran_and_no_figure(kind: str) -> None:
    ran = session(
        candidate(),
        failure="it ended with signal 9" if kind == "failed" else None,
        throttled_before=kind == "throttled",
        emulated="qemu-user" if kind == "emulated" else None,
    )
    found = told(ran, **({"artifact": None} if kind == "lost" else {}))
    assert names(found) <= {"earshot_session_info", "earshot_throttled", "earshot_artifact_size_bytes"}
    assert info(found)["verdict"] == ("valid" if kind == "lost" else "invalid")
    assert figures(found)["earshot_throttled", ""] == float(kind == "throttled")
    assert found.histogram is None


def test_a_rerun_of_an_old_artifact_and_a_verification_stay_out_of_the_series() -> None:
    rerun = told(session(candidate()), study=replace(STUDY, settings={"workflow": "confirm"}))
    verified = told(session(candidate(), block=VERIFY_BLOCK))
    for found in (rerun, verified):
        assert "earshot_session_info" in names(found)
        assert not {name for name in names(found) if "latency" in name or "service" in name}


def test_energy_is_told_where_the_idle_power_is_known() -> None:
    ran = session(candidate(), service_ms=4.0, chunks=2000)
    metered = sampled(ran, busy_power(ran.arrays["t_ns"], 3.0), hz=40.0)
    name = "earshot_energy_joules_per_audio_second"
    assert name not in names(told(metered))
    idle = idle_power([idle_session(0), idle_session(1)], SAMPLE_RATE_HZ)
    # 3 W more in 4 of 20 ms.
    assert figures(told(metered, idle=idle))[name, ""] == pytest.approx(0.6, rel=0.1)


def test_the_state_of_the_device_is_told_in_celsius() -> None:
    ran = session(candidate())
    hot = DeviceState(temperature_c={"cpu": 61.5, "gpu": 55.0}, throttled=None)
    found = figures(told(replace(ran, result=replace(ran.result, after=hot, before=replace(hot, throttled=False)))))
    assert found["earshot_temperature_celsius", ""] == 61.5
    assert found["earshot_throttled", ""] == 0.0
    assert ("earshot_throttled", "") not in figures(
        told(replace(ran, result=replace(ran.result, before=None, after=hot)))
    )


def test_an_evaluation_tells_its_share_of_errors() -> None:
    ran = session(candidate(), "evaluate")
    found = figures(told(ran, scores=[score(candidate(), wrong=(1, 2, 3), items=200)]))
    assert found["earshot_error_ratio", "accuracy"] == pytest.approx(0.015)


def test_a_latency_that_never_ended_is_no_number() -> None:
    times = paced_times(service(2.0, 1000, 0))
    times[500:540, wire.ISSUE :] = wire.NEVER_NS
    found = told(session(candidate(), t_ns=times, chunks=1000, dropped=40))
    assert P99 not in figures(found)
    assert ("earshot_latency_seconds", "0.5") in figures(found)
    assert all(np.isfinite(sample.value) and sample.value < 1e9 for sample in found.samples)
