"""How the outcome of a run on several devices is printed: a row for each device."""

from collections.abc import Sequence
from typing import Any

from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.perceived import perceived_as_json
from orchestrator.domain.perceived import perceived
from orchestrator.workflows.figures import Figure, session_figures
from orchestrator.workflows.fleet import DeviceOutcome

# column -> the figure's name; the unit stands in the column's head.
COLUMNS = {
    "latency p50 ms": "latency, p50",
    "p99 ms": "latency, p99",
    "miss rate": "miss rate",
    "service p50 ms": "service time, p50",
    "RTF": "RTF",
    "peak MB": "peak memory, steady",
    "energy mJ/s": "energy, net",
    "verdict": "verdict",
}


def print_outcomes(outcomes: Sequence[DeviceOutcome], as_json: bool) -> None:
    figures = [_figures(outcome) for outcome in outcomes]
    if as_json:
        print_json([_as_json(outcome, found) for outcome, found in zip(outcomes, figures, strict=True)])
        return
    shown = {head: name for head, name in COLUMNS.items() if any(name in found for found in figures)}
    print_table(
        ["device", "model", *(f"{head}>" for head in shown), "note"],
        [
            [outcome.device, _model(outcome), *(_value(found.get(name)) for name in shown.values()), _note(outcome)]
            for outcome, found in zip(outcomes, figures, strict=True)
        ],
    )


def _figures(outcome: DeviceOutcome) -> dict[str, Figure]:
    ran = outcome.ran
    if ran is None or not ran.session.ok:
        return {}
    return {figure.name: figure for figure in session_figures(ran.session, ran.sample_rate_hz, ran.idle)}


def _value(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "-"
    return figure.value if isinstance(figure.value, str) else number(figure.value)


def _model(outcome: DeviceOutcome) -> str:
    return outcome.session.environment.device_model if outcome.session else "-"


def _note(outcome: DeviceOutcome) -> str:
    """Why it failed, or what must be known to read the row."""
    if outcome.error is not None:
        return f"failed: {outcome.error.message}"
    session = outcome.session
    if session is None:
        return ""
    if session.emulated:
        return f"emulated ({session.emulated}): not a device's speed"
    virtual = session.environment.probe.virtual or ""
    return "a stand-in: this machine's speed" if virtual.startswith("stand-in") else ""


def _perceived(outcome: DeviceOutcome) -> object:
    """None where the device failed."""
    ran = outcome.ran
    return perceived_as_json(perceived(ran.session, ran.contract)) if ran and ran.session.ok else None


def _as_json(outcome: DeviceOutcome, figures: dict[str, Figure]) -> dict[str, Any]:
    session, error = outcome.session, outcome.error
    return {
        "device": outcome.device,
        "ok": outcome.ok,
        "session": session.session_id if session else None,
        "environment": session.environment if session else None,
        "figures": list(figures.values()),
        "perceived": _perceived(outcome),
        "result": session.result if session else None,
        "error": None if error is None else {"message": error.message, "next": error.hint},
    }
