"""Temperatures against their limits, throttling now and before, cooling of a Jetson."""

from agents.doctor.facts import DoctorFacts, Zone
from orchestrator.measure.doctor.finding import HARM, INFO, OK, WARN, Change, Finding, unknown

# A device this close to its limit reaches it within a session; a mobile SoC gains about 20 C under full load.
_NEAR_C = 15.0
_STORED_CLOCKS = "jetson_clocks.conf"


def rules(facts: DoctorFacts, agent_root: str) -> list[Finding]:
    findings = [thermal(facts), throttling(facts)]
    if facts.jetson is not None:
        findings += [power_mode(facts), jetson_clocks(facts, agent_root)]
    return findings


def thermal(facts: DoctorFacts) -> Finding:
    if "thermal" in facts.absent:
        return unknown("thermal", facts.absent["thermal"])
    hottest = min(facts.zones, key=_margin_c)
    if hottest.limit_c is None:
        hottest = max(facts.zones, key=lambda zone: zone.temperature_c)
        return Finding("thermal", INFO, f"{hottest.name} {hottest.temperature_c:.0f} C", "no zone tells its limit")
    margin_c = _margin_c(hottest)
    seen = f"{hottest.name} {hottest.temperature_c:.0f} C, {margin_c:.0f} C below its {hottest.limit} trip point"
    advice = "let it cool down, give it a fan or a cooler place"
    if margin_c <= 0:
        seen = f"{hottest.name} {hottest.temperature_c:.0f} C, above its {hottest.limit} trip point {hottest.limit_c:g}"
        return Finding("thermal", HARM, seen, "the device is being slowed down now", advice=advice)
    if margin_c < _NEAR_C:
        return Finding("thermal", WARN, seen, "a session may reach it and be slowed down half-way", advice=advice)
    return Finding("thermal", OK, seen)


def _margin_c(zone: Zone) -> float:
    return float("inf") if zone.limit_c is None else zone.limit_c - zone.temperature_c


def throttling(facts: DoctorFacts) -> Finding:
    """Flags of throttling, also those latched since boot. Gates refuse sessions that show one."""
    state = facts.state
    if state.throttled is None:
        return unknown("throttling", state.throttled_source)
    if not state.throttled:
        return Finding("throttling", OK, state.throttled_source)
    why = "the device was slowed down (or its supply was too weak) and sessions with such a flag are refused"
    return Finding(
        "throttling",
        HARM,
        state.throttled_source,
        why,
        advice="cool it, or use the supply that its maker asks for; flags since boot go away with a reboot",
    )


def power_mode(facts: DoctorFacts) -> Finding:
    if facts.jetson is None or facts.jetson.mode is None:
        return unknown("power-mode", facts.absent.get("power-mode", "nvpmodel does not say"))
    why = "results belong to this power mode; it decides how many cores and which clocks there are"
    return Finding("power-mode", INFO, f"nvpmodel {facts.jetson.mode}", why, advice="sudo nvpmodel -m N changes it")


def jetson_clocks(facts: DoctorFacts, agent_root: str) -> Finding:
    if facts.jetson is None or facts.jetson.cpu_locked is None:
        return unknown("jetson-clocks", facts.absent.get("jetson-clocks", "jetson_clocks does not say"))
    parts = {"CPU": facts.jetson.cpu_locked, "GPU": facts.jetson.gpu_locked}
    free = [name for name, locked in parts.items() if locked is False]
    if not free:
        return Finding("jetson-clocks", OK, "clocks of " + " and ".join(n for n, lock in parts.items() if lock))
    # What --store keeps, --restore brings back: NVIDIA Jetson Linux Developer Guide, jetson_clocks.
    stored = f"{agent_root}/{_STORED_CLOCKS}"
    fix = (
        Change(("jetson_clocks", "--store", stored), ("rm", "-f", stored), needs_root=True, undo_as_user=True),
        Change(("jetson_clocks",), ("jetson_clocks", "--restore", stored), needs_root=True),
    )
    why = "clocks follow the load: a chunk after a pause starts slowly"
    return Finding("jetson-clocks", WARN, f"{' and '.join(free)} not locked", why, fix)
