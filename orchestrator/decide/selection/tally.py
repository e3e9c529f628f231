"""Which gate kept how many candidates out, who came nearest, and what would let it pass."""

from collections.abc import Mapping, Sequence

from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.gates import GATES, Rejection, Rules, Shortfall, shortfalls
from orchestrator.decide.selection.ranking import objective_value
from orchestrator.domain.decision import CandidateVerdict, GateTally, Nearest

# Gate -> what a person can do about it.
_HELP = {
    "export": "try another recipe: the reason says what the exporter cannot do",
    "emulated": "measure on a device that is not emulated",
    "failed": "run it alone to see why: earshot run",
    "placement": "install what the provider needs: earshot devices setup, earshot devices probe",
    "parity": "leave this provider out, or try another precision on it",
    "affinity": "let the device give those CPUs: earshot devices doctor",
    "throttled": "let the device cool and run again",
    "environment": "measure the default again beside it: --fresh",
    "pacer": "quieten the device: earshot devices doctor, --quiet-device",
    "suspect": "quieten the device: earshot devices doctor, or --allow-suspect",
    "unstable": "a larger --chunk-ms leaves more time for each chunk",
    "unmeasured": "minimize what is measured on this device, such as rtf in place of energy",
    "screening": "race more of them: --finalists, --budget-minutes",
}
_BY_QUALITY = "quality"
_LONGER = "race longer: --budget-minutes, --paced-seconds"

# Key of a candidate -> what rejected it.
Rejections = Mapping[str, Rejection | None]


def tally(
    evidence: Sequence[Evidence],
    rejections: Rejections,
    refused: Sequence[CandidateVerdict],
    rules: Rules,
    metric: str,
) -> tuple[GateTally, ...]:
    """In the order of the gates: exports, then those of ``GATES``, limits and goals, and last what was not raced."""
    by_gate: dict[str, list[Evidence]] = {}
    for one in evidence:
        rejected = rejections[one.key]
        if rejected is not None:
            by_gate.setdefault(rejected.gate, []).append(one)
        elif not one.raced:
            by_gate.setdefault("screening", []).append(one)
    found = [_tally(gate, those, rejections, rules, metric) for gate, those in by_gate.items()]
    order = [name for name, _ in GATES] + [bound.name for bound in rules.bounds] + ["unmeasured", "screening"]
    made = sorted(found, key=lambda t: order.index(t.gate))
    return (*([_exports(refused)] if refused else []), *made)


def nearest_of(
    evidence: Sequence[Evidence], rejections: Rejections, rules: Rules, metric: str
) -> tuple[Nearest, Evidence] | None:
    """The candidate whose worst shortfall is least, among those that only limits and goals keep from winning; of equals
    the one with fewer of them, then the better in ``metric``.
    """
    bounds = {_BY_QUALITY, *(bound.name for bound in rules.bounds)}
    missed = [
        (short, e)
        for e in evidence
        if (rejected := rejections[e.key]) is not None
        and rejected.gate in bounds
        and (short := shortfalls(e, rules, not e.raced))
    ]
    if not missed:
        return None
    short, one = min(missed, key=lambda m: (m[0][0].excess, not m[1].raced, len(m[0]), objective_value(m[1], metric)))
    return Nearest(short[0].bound.name, short[0].limit, one.key, short[0].reached), one


def relaxed(evidence: Evidence, rules: Rules) -> tuple[str, ...]:
    """Flags under which it would be one that may win; empty where that takes another race, a figure that is missing, or
    a goal less.
    """
    found: list[str] = []
    if not evidence.raced:
        return ()
    for short in shortfalls(evidence, rules):
        flag = None if short.reached is None or short.noise else short.bound.relaxed(short.reached)
        if flag is None:
            return ()
        found.append(flag)
    return tuple(found)


def _tally(gate: str, those: Sequence[Evidence], rejections: Rejections, rules: Rules, metric: str) -> GateTally:
    def distance(one: Evidence) -> tuple[float, ...]:
        mine = [s for s in shortfalls(one, rules, not one.raced) if gate in (s.bound.name, _gate_of(s))]
        beyond = max((s.excess for s in mine), default=0.0)
        return beyond, not one.raced, objective_value(one, metric), objective_value(one, "service_p50_ms")

    nearest = min(those, key=distance)
    rejected = rejections[nearest.key]
    reason = rejected.reason if rejected else "passed the gates and was not raced in paced sessions"
    return GateTally(gate, len(those), nearest.key, reason, _relax(gate, nearest, rules))


def _gate_of(short: Shortfall) -> str:
    return _BY_QUALITY if short.bound.metric == "quality_loss" else short.bound.name


def _relax(gate: str, nearest: Evidence, rules: Rules) -> str:
    if gate in _HELP:
        return _HELP[gate]
    shorts = shortfalls(nearest, rules, not nearest.raced)
    missing = next((s for s in shorts if s.reached is None), None)
    if missing is not None:
        found = nearest.metrics[missing.bound.metric]
        return f"{found.reason}; {_LONGER}" if found.n else str(found.reason)
    if any(s.noise for s in shorts):
        return _LONGER
    flags = [s.bound.relaxed(float(s.reached or 0.0)) for s in shorts]
    if not flags:
        return "let what is missing be measured, or leave the goal out"
    if None in flags:
        return "leave the goal out: it is no better than the fp32 default there"
    return " ".join(map(str, flags)) + ("" if nearest.raced else ", and a race of its own: it was only screened")


def _exports(refused: Sequence[CandidateVerdict]) -> GateTally:
    first = refused[0]
    return GateTally("export", len(refused), first.candidate.key, first.reason, _HELP["export"])
