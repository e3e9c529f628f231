"""Clocks and cores: what makes a core slower, or fewer, than a user of the device would have."""

from agents.doctor.facts import DoctorFacts, FrequencyPolicy
from orchestrator.measure.doctor.finding import HARM, INFO, OK, WARN, Change, Finding, file_change, unknown
from orchestrator.measure.doctor.irq_rules import interrupts

_FAST = "performance"
# Quotas within this of all cores do not bind.
_ALL_CORES = 0.99


def rules(facts: DoctorFacts) -> list[Finding]:
    return [governor(facts), frequency(facts), cores(facts), quota(facts), isolation(facts), interrupts(facts)]


def governor(facts: DoctorFacts) -> Finding:
    """Paced sessions sleep between chunks: a governor that follows the load starts each chunk at a low clock."""
    if "governor" in facts.absent:
        return unknown("governor", facts.absent["governor"])
    slow = [policy for policy in facts.policies if policy.governor not in (None, _FAST)]
    seen = ", ".join(f"{policy.name} {policy.governor or 'cannot be read'}" for policy in facts.policies)
    if not slow:
        return Finding("governor", OK, seen)
    why = "a core that sleeps between chunks starts each at a low clock" + _at_most(slow)
    fix = tuple(_to_performance(policy) for policy in slow if _FAST in policy.governors or not policy.governors)
    advice = "" if fix else f"the governor {_FAST} is not in this kernel"
    harm = HARM if any(policy.governor == "powersave" and not _driver_scales(policy) for policy in slow) else WARN
    return Finding("governor", harm, seen, why, fix, advice)


def _driver_scales(policy: FrequencyPolicy) -> bool:
    """intel_pstate and amd_pstate call their own scaling powersave; they offer these two governors and no other."""
    return set(policy.governors) == {_FAST, "powersave"}


def _at_most(policies: list[FrequencyPolicy]) -> str:
    ratios = [p.max_hz / p.min_hz for p in policies if p.max_hz and p.min_hz]
    return f": up to {max(ratios):.1f} x slower here" if ratios and max(ratios) > 1 else ""


def _to_performance(policy: FrequencyPolicy) -> Change:
    return file_change(f"{policy.path}/scaling_governor", _FAST, policy.governor or "")


def frequency(facts: DoctorFacts) -> Finding:
    """A cap below what the hardware can do."""
    if "frequency" in facts.absent:
        return unknown("frequency", facts.absent["frequency"])
    known = [p for p in facts.policies if p.max_hz and p.hardware_max_hz]
    capped = [p for p in known if (p.max_hz or 0) < (p.hardware_max_hz or 0)]
    if not capped:
        pinned = all(p.min_hz == p.max_hz for p in known)
        limits = ", ".join(f"{p.name} {_ghz(p.min_hz)}-{_ghz(p.max_hz)}" for p in known)
        return Finding("frequency", OK, f"{limits}{' (pinned)' if pinned else ''}, the hardware's own limit")
    seen = ", ".join(f"{p.name} capped at {_ghz(p.max_hz)} of {_ghz(p.hardware_max_hz)}" for p in capped)
    slowest = min((p.max_hz or 0) / (p.hardware_max_hz or 1) for p in capped)
    why = f"the device runs at {slowest:.0%} of its clock at most; users have it uncapped"
    if facts.jetson is not None:
        advice = "the power mode decides it: nvpmodel -q shows it, sudo nvpmodel -m 0 is the fastest on most boards"
        return Finding("frequency", INFO, seen, why, advice=advice)
    fix = tuple(
        file_change(f"{p.path}/scaling_max_freq", str((p.hardware_max_hz or 0) // 1000), str((p.max_hz or 0) // 1000))
        for p in capped
    )
    return Finding("frequency", WARN, seen, why, fix)


def _ghz(hz: int | None) -> str:
    return "?" if hz is None else f"{hz / 1e9:.2f} GHz"


def cores(facts: DoctorFacts) -> Finding:
    """Cores that are off, or that this process may not use."""
    if "cores" in facts.absent:
        return unknown("cores", facts.absent["cores"])
    cpu = facts.cpu
    seen = f"{cpu.online} online, {cpu.allowed} allowed" + (f", offline: {cpu.offline}" if cpu.offline else "")
    if cpu.allowed < cpu.online:
        why = f"sessions run on {cpu.allowed} of {cpu.online} cores: an affinity or cpuset holds the agent there"
        return Finding("cores", WARN, seen, why, advice="taskset -p $$ shows it; look at cpuset.cpus of its cgroup")
    if cpu.offline:
        return Finding("cores", INFO, seen, "cores that are off cannot run threads; a power mode may have done it")
    return Finding("cores", OK, seen)


def quota(facts: DoctorFacts) -> Finding:
    """A cgroup quota stops the session for the rest of a period once it is used up: latency in steps of 100 ms."""
    if "cpu-quota" in facts.absent:
        return unknown("cpu-quota", facts.absent["cpu-quota"])
    limit = facts.cpu.quota_cores
    if limit is None or limit >= _ALL_CORES * facts.cpu.online:
        return Finding("cpu-quota", OK, "no CPU limit in this cgroup" if limit is None else f"{limit:g} cores")
    seen = f"{limit:g} of {facts.cpu.online} cores"
    why = f"the kernel stops a session that has used {limit:g} cores' worth of a period (100 ms) until the next one"
    return Finding("cpu-quota", HARM, seen, why, advice="raise cpu.max of the cgroup, or run outside the container")


def isolation(facts: DoctorFacts) -> Finding:
    """isolcpus and interrupts: to be known, not to be judged."""
    if "isolation" in facts.absent:
        return unknown("isolation", facts.absent["isolation"])
    seen = f"isolated: {facts.cpu.isolated or 'none'}; interrupts go to mask {facts.cpu.irq_mask or '(hidden)'}"
    why = "threads do not run on isolated cores unless they are pinned there" if facts.cpu.isolated else ""
    return Finding("isolation", INFO, seen, why)
