"""``earshot telemetry push``"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.credential import Credential
from orchestrator.cli.options import Duration, json_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.errors import MonitoringError
from orchestrator.ledger.ledger import Ledger

if TYPE_CHECKING:
    from orchestrator.domain.regression import Verdict
    from orchestrator.workflows.telemetry import Pushed


@click.command()
@click.option("--url", required=True, help="The server, such as http://prometheus.example:9090.")
@click.option("--bearer-from", "bearer", type=Credential(), help="Its token, by reference: env:NAME or file:PATH.")
@click.option("--instance", help="Label that tells this lab from others; this machine's name by default.")
@click.option(
    "--verdicts", is_flag=True, help="Judge the last night, as `earshot regressions` does, and tell that too."
)
@click.option("--reference", help="With --verdicts: the model that is never changed.")
@click.option("--patience", "patience_s", type=Duration(), default="30s", show_default=True, help="With a server away.")
@click.option("--watch", is_flag=True, help="Go on: tell what happens when it has happened, until Ctrl-C.")
@click.option("--every", "every_s", type=Duration(), default="30s", show_default=True, help="With --watch.")
@results_option
@json_option
def push(
    url: str,
    bearer: str | None,
    instance: str | None,
    verdicts: bool,
    reference: str | None,
    patience_s: float,
    watch: bool,
    every_s: float,
    results: Path,
    as_json: bool,
) -> None:
    """Write every session that ended, with its time, to a server that takes Prometheus's remote write.

    What happened is put into an outbox in the ledger once, and the ledger keeps how far each server was told. So this
    can be run as often as you like, from cron or after each study: nothing is lost while the server is away, and
    nothing is told twice. What a server will never take, because it is older than its window, is counted and told.

    Prometheus needs --web.enable-remote-write-receiver, and storage.tsdb.out_of_order_time_window for what comes late.
    docs/how-to/prometheus.md has its configuration.

    \b
    earshot telemetry push --url http://127.0.0.1:9090
    earshot telemetry push --url https://metrics.example --bearer-from env:METRICS_TOKEN --watch
    """
    from orchestrator.workflows.telemetry import push as push_now

    with Ledger.open(results / "ledger.db", create=False) as ledger:
        told, known = _verdicts(results, reference) if verdicts else (), False
        while True:
            try:
                patience = min(patience_s, every_s) if watch else patience_s
                pushed = push_now(ledger, url, bearer=bearer, instance=instance, verdicts=told, patience_s=patience)
            except MonitoringError as exc:
                # Somebody must do something about a refusal; a server that is away comes back.
                if not watch or not exc.passing:
                    raise
                click.secho(f"{_clock()} {exc.message}", err=True, fg="yellow")
            else:
                _print(pushed, as_json, watch, known)
                known = True
            if not watch:
                return
            told = ()
            time.sleep(every_s)


def _verdicts(results: Path, reference: str | None) -> "tuple[Verdict, ...]":
    from orchestrator.workflows.regressions import regressions

    return regressions(results, reference=reference).told


def _print(pushed: "Pushed", as_json: bool, watch: bool, known: bool) -> None:
    """``known``: what the server cannot do was said before."""
    done = pushed.delivered
    if watch and not (done.entries or done.refused):
        return
    if as_json:
        print_json(pushed)
        return
    when = f"{_clock()} " if watch else ""
    click.echo(f"{when}{done.samples} samples of {done.entries} entries to {pushed.url} ({pushed.product})")
    if done.histograms:
        click.echo(f"with {done.histograms} native histograms")
    if done.clamped:
        click.echo(f"{done.clamped} entries were from the future: they have the time at which they were told")
    for note in () if known else pushed.notes:
        click.echo(f"note: {note}")
    refused: dict[str, int] = {}
    for each in done.refused:
        said = f"{each.reason}: {each.detail}"
        refused[said] = refused.get(said, 0) + each.samples
    for said, samples in refused.items():
        click.secho(f"refused for good, {samples} samples: {said}", fg="yellow")


def _clock() -> str:
    return time.strftime("%H:%M:%S")
