"""``earshot run`` once its settings are known: it runs, and what came of it is shown."""

from orchestrator.cli.fleet import print_outcomes
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.perceived import perceived_as_json, print_perceived
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.perceived import perceived
from orchestrator.errors import DeviceError
from orchestrator.workflows.figures import session_figures
from orchestrator.workflows.fleet import failed_session, run_several
from orchestrator.workflows.observer import known_on_off
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.single import run_one


def run_on_several(settings: RunSettings, devices: str, as_json: bool) -> None:
    with TerminalProgress() as progress:
        outcomes = run_several(settings, devices, progress)
    print_outcomes(outcomes, as_json)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    if failed:
        raise DeviceError(
            f"{len(failed)} of {len(outcomes)} devices failed: {', '.join(o.device for o in failed)}",
            hint="what the others measured is in the ledger; once they are well: "
            f"earshot run {settings.model} --devices {','.join(o.device for o in failed)} ...",
        )


def run_on_one(settings: RunSettings, as_json: bool, ahead: Ahead | None) -> None:
    with TerminalProgress() as progress:
        ran = run_one(settings, progress, ahead)
    session = ran.session
    if not session.ok:
        raise failed_session(session, settings.results)
    on_off = known_on_off(settings.results / "ledger.db", session.planned.device)
    figures = session_figures(session, ran.sample_rate_hz, ran.idle, on_off)
    heard = perceived(session, ran.contract)
    if as_json:
        told = {"session": session.session_id, "figures": figures, "perceived": perceived_as_json(heard)}
        print_json({**told, "result": session.result})
        return
    print_table(
        ["figure", "value>", "unit", "note"],
        [[f.name, _value(f.value), f.unit, f.note] for f in figures],
    )
    print_perceived(heard)


def _value(value: float | str | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int | str) else number(value)
