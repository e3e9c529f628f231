"""``earshot devices sessions``"""

from datetime import UTC, datetime
from pathlib import Path

import click

from agents.kept import KeptSession
from orchestrator.cli.options import json_option, lab_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.measure.lab.inventory import find_device, load_lab


@click.command()
@click.argument("name", default="local")
@lab_option
@json_option
def sessions(name: str, lab: Path | None, as_json: bool) -> None:
    """Show the sessions that lie on a device: running, ended, or lost, whichever controller started them.

    A session goes on without its controller. `earshot devices collect` puts those that ended into a ledger.

    \b
    earshot devices sessions pi5 --lab lab.toml
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.measure.deploy.kept import kept_sessions
    from orchestrator.workflows.prepare import deploy_agent

    with TerminalProgress() as progress:
        agent, _ = deploy_agent(find_device(load_lab(lab), name), progress)
        with agent.transport:
            found = kept_sessions(agent)
    if as_json:
        print_json(found)
        return
    print_table(["session", "state", "chunks", "started (UTC)", "kB>", "why"], [_row(kept) for kept in found])
    if any(kept.state != "running" for kept in found):
        where = f" --lab {lab}" if lab else ""
        click.echo(f"\nto put those that ended into a ledger: earshot devices collect {name}{where}", err=True)


def _row(kept: KeptSession) -> list[str]:
    total = f" of {kept.chunks_total}" if kept.chunks_total else ""
    chunks = "-" if kept.chunks_done is None else f"{kept.chunks_done}{total}"
    started = datetime.fromtimestamp(kept.started_utc_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return [kept.session_id, kept.state, chunks, started, f"{kept.size_bytes / 1e3:.0f}", kept.reason or ""]
