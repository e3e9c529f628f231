"""Interrupts away from the cores that are measured: a handler that runs there stops a chunk for its time."""

from collections.abc import Iterable

from agents.cpu_list import cpu_list, parse_cpu_list
from agents.doctor import irqs
from agents.doctor.facts import DoctorFacts, Irq
from orchestrator.measure.doctor.finding import INFO, Change, Finding, file_change, unknown


def interrupts(facts: DoctorFacts) -> Finding:
    """To be known: where they go is a device's own affair until candidates are held to CPUs."""
    if irqs.CHECK in facts.absent:
        return unknown(irqs.CHECK, facts.absent[irqs.CHECK])
    places = sorted({irq.cpus for irq in facts.irqs})
    seen = f"{len(facts.irqs)} with a handler, on CPUs {' or '.join(places[:4]) or 'none'}"
    if facts.irq_balancer:
        seen += f"; {facts.irq_balancer} moves them about"
    why = "a handler that runs on a session's core stops a chunk for its time"
    return Finding(irqs.CHECK, INFO, seen, why, advice="--isolate irq, with --cluster or --cpus, keeps them off")


def moved_away(facts: DoctorFacts, keep_free: Iterable[int], cores: Iterable[int]) -> tuple[Change, ...] | str:
    """Changes that take every interrupt off ``keep_free``, or why there can be none. ``cores``: all that there are."""
    free = set(keep_free)
    others = set(cores) - free - set(parse_cpu_list(facts.cpu.offline))
    if irqs.CHECK in facts.absent:
        return facts.absent[irqs.CHECK]
    if not free:
        return "no candidate is held to CPUs that could be kept free: --cluster or --cpus does that"
    if not others:
        return "the candidates use every core, so that none is left for interrupts"
    if facts.irq_balancer is not None:
        stop = f"systemctl stop {facts.irq_balancer}"
        return f"{facts.irq_balancer} runs there and would move them back: stop it for the time ({stop})"
    return tuple(change for irq in facts.irqs for change in _moved(irq, free, others))


def _moved(irq: Irq, free: set[int], others: set[int]) -> list[Change]:
    try:
        now = set(parse_cpu_list(irq.cpus))
    except ValueError:
        return []
    if not now & free:
        return []
    return [file_change(irq.path, cpu_list(now - free or others), irq.cpus)]
