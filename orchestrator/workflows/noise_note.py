"""The noise floor of a device beside a decision on it."""

from pathlib import Path

from orchestrator.decide.comparison.effect import detectable_share
from orchestrator.decide.comparison.stale import stale
from orchestrator.decide.selection.words import NAMES, percent
from orchestrator.domain.decision import Decision
from orchestrator.ledger.calibrations import calibration_for
from orchestrator.ledger.ledger import Ledger

_MODE = "paced"


def noise_note(ledger_path: Path, decision: Decision) -> str | None:
    """The smallest difference that the decision's runs could find in its objective, or that this is not known and why.
    None where nothing was raced.
    """
    with Ledger.open(ledger_path, create=False) as ledger:
        study = ledger.study(decision.study_id)
        raced = ledger.sessions(decision.study_id, mode=_MODE, with_arrays=False)
        if study is None or not raced:
            return None
        known = calibration_for(ledger, study.device, _MODE, study.model)
    again = f"earshot calibrate {study.device}"
    # Of a profile, the figure that weighs most.
    metric = max(decision.weights, key=lambda name: decision.weights[name]) if decision.weights else decision.objective
    noise = known.noise.get(metric) if known else None
    if known is None or noise is None:
        return f"what {study.device} can tell apart is not known: {again}"
    blocks = len({s.planned.block for s in raced})
    share = detectable_share(noise.paired, noise.between, noise.pairs, blocks)
    if share is None:
        return f"one run of each tells nothing apart on {study.device}"
    found = f"{blocks} runs on {study.device} find a difference in {NAMES[metric][0]} of {percent(share)}"
    reasons = stale(known, raced[0])
    return f"{found}, calibrated {known.at_utc[:10]}" + (f": stale, {'; '.join(reasons)}: {again}" if reasons else "")
