"""What observing costs is told with its date; heavy, of another agent or unknown it is not called good."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.domain.observer import OnOff
from orchestrator.measure.doctor.finding import INFO, OK, UNKNOWN, WARN
from orchestrator.measure.doctor.observer_rules import observer_finding
from tests.orchestrator.ledger.test_observer import FOUND

AGENT = "a" * 64
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def ratios(*on: float) -> OnOff:
    return replace(FOUND, on_ms=on, off_ms=(1.0,) * len(on))


@pytest.mark.parametrize(
    ("found", "severity", "words"),
    [
        (ratios(1.001, 1.0, 0.999, 1.002), OK, "no change beyond 5 %: service time x1.000 ("),
        (ratios(1.011, 1.01, 1.012, 1.009), OK, "no change beyond 5 %: service time x1.010 (1.008..1.013)"),
        (ratios(1.11, 1.1, 1.12, 1.09), WARN, "observing changes it: service time x1.105 ("),
        (ratios(0.91, 0.9, 0.92, 0.89), WARN, "observing changes it: service time x0.905 ("),
        (ratios(0.8, 1.0, 1.3, 1.1), UNKNOWN, "cannot say whether observing changes it"),
        (replace(ratios(1.0, 1.001), cost=replace(FOUND.cost, sampler_cpu_s=0.3)), WARN, "take 30 % of a core"),
        (replace(ratios(1.0, 1.001), agent_sha256="b" * 64), UNKNOWN, "no change beyond"),
        (replace(ratios(1.0, 1.001), at_utc="2026-01-02T00:00:00+00:00"), UNKNOWN, "no change beyond"),
    ],
    ids=["alike", "a little", "slower", "faster", "noise", "heavy", "another agent", "old"],
)
def test_each_outcome(found: OnOff, severity: str, words: str) -> None:
    finding = observer_finding(found, "pi5", AGENT, NOW)
    assert (finding.check, finding.severity) == ("observer", severity)
    assert words in finding.why
    assert f"measured {found.at_utc[:10]}" in finding.seen


def test_the_line_says_what_each_part_takes() -> None:
    seen = observer_finding(ratios(1.0, 1.001), "pi5", AGENT, NOW).seen
    assert seen.startswith("loop 2.4 %, sampler 0.4 %, watchdog 0.2 %; 0.5 us a chunk; 46 MB beside the model")


def test_never_measured_is_not_good_and_says_how() -> None:
    finding = observer_finding(None, "pi5", AGENT)
    assert finding.severity == INFO
    assert "earshot devices doctor pi5 --observer" in finding.advice
