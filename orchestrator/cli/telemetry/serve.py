"""``earshot telemetry serve``"""

import ipaddress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.options import lab_option, results_option
from orchestrator.errors import BadInput, EarshotError
from orchestrator.tell.telemetry.libraries import require_library


class Listen(click.ParamType[tuple[str, int]]):
    """``ADDRESS:PORT``; port 0 takes a free one."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        try:
            known = str(ipaddress.ip_address(host.strip("[]"))), int(port)
        except ValueError:
            self.fail(f"{value!r} is no address and port: write it as 127.0.0.1:9633", param, ctx)
        if not 0 <= known[1] <= 65535:
            self.fail(f"the port must be 0..65535, got {port}", param, ctx)
        return known


@click.command()
@click.option("--listen", type=Listen(), default="127.0.0.1:9633", show_default=True, help="ADDRESS:PORT.")
@lab_option
@results_option
def serve(listen: tuple[str, int], lab: Path | None, results: Path) -> None:
    """Answer GET /metrics with the state of the farm at that moment, until Ctrl-C.

    Devices by state, leases, quarantines, sessions that run, what a night still has to do, the outbox, the last good
    night. It reads the lab file and the ledger and reaches no device. It has no password: on another address than
    127.0.0.1, everybody who reaches that one can read it.

    \b
    earshot telemetry serve --lab lab.toml
    """
    require_library("prometheus_client")
    from orchestrator.measure.lab.inventory import load_lab
    from orchestrator.tell.telemetry.exposition import MetricsServer
    from orchestrator.workflows.telemetry_live import farm_samples

    devices = load_lab(lab)
    host, port = listen
    try:
        server = MetricsServer(
            host, port, lambda: farm_samples(devices, results / "ledger.db", datetime.now(UTC)), _failed
        )
    except OSError as exc:
        raise BadInput(f"cannot listen on {host}:{port}: {exc.strerror}", hint="choose another with --listen") from exc
    with server:
        click.echo(f"http://{host}:{server.server_port}/metrics", err=True)
        if not ipaddress.ip_address(host).is_loopback:
            click.secho(f"everybody who reaches {host} can read it", err=True, fg="yellow")
        server.serve_forever()


def _failed(exc: EarshotError) -> None:
    click.secho(f"a scrape had no answer: {exc.message}", err=True, fg="yellow")
