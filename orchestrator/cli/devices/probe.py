"""``earshot devices probe``"""

from pathlib import Path

import click

from agents.device_facts import DeviceProbe, SensorProbe
from orchestrator.cli.options import json_option, lab_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.measure.lab.profiles import DeviceProfile, load_profiles, match_profile


@click.command()
@click.argument("name", default="local")
@lab_option
@json_option
def probe(name: str, lab: Path | None, as_json: bool) -> None:
    """Ask a device what it is: SoC, cores, memory, sensors, runtimes and execution providers, or why not."""
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.prepare import deploy_agent

    with TerminalProgress() as progress:
        agent, environment = deploy_agent(find_device(load_lab(lab), name), progress)
        agent.transport.close()
    if as_json:
        print_json(environment)
        return
    profile = match_profile(environment.probe, load_profiles())
    click.echo(f"device model  {environment.device_model}")
    click.echo(f"profile       {f'{profile.name}: {profile.title}' if profile else 'none fits'}")
    print_table(["fact", "value"], _facts(environment.probe))
    click.echo()
    print_table(["runtime / provider", "usable", "version or reason"], _runtimes(environment.probe))
    click.echo()
    print_table(
        ["sensor", "quantity", "usable", "scope or reason"],
        [_sensor_row(sensor) for sensor in environment.probe.sensors],
    )
    if profile is not None:
        click.echo()
        print_table(["not here", "what it takes, or why it cannot be"], _not_here(profile, environment.probe))


def _facts(probe: DeviceProbe) -> list[list[str]]:
    clusters = sorted({c.cluster for c in probe.cores})
    cores = ", ".join(f"{sum(c.cluster == k for c in probe.cores)} x {_cluster_name(probe, k)}" for k in clusters)
    return [
        ["model", probe.model],
        ["SoC", probe.soc or "-"],
        ["cores", cores],
        ["memory", f"{probe.memory_bytes / 2**30:.1f} GiB" if probe.memory_bytes else "-"],
        ["OS", f"{probe.os}, {probe.kernel}"],
        ["virtual", probe.virtual or "no"],
        ["Python", f"{probe.python}, numpy {probe.numpy or 'absent'}"],
        ["governor", probe.state.governor or "cannot be read"],
    ]


def _not_here(profile: DeviceProfile, probe: DeviceProbe) -> list[list[str]]:
    """Execution providers that this kind of device could have, and what it never has."""
    usable = {p.name for r in probe.runtimes for p in r.providers if p.usable}
    could_be = [(name, takes) for providers in profile.runtimes.values() for name, takes in providers.items()]
    return [[name, takes] for name, takes in (*could_be, *profile.absent.items()) if name not in usable]


def _cluster_name(probe: DeviceProbe, cluster: int) -> str:
    core = next(c for c in probe.cores if c.cluster == cluster)
    return core.part + (f" {core.max_hz / 1e9:.2f} GHz" if core.max_hz else "")


def _runtimes(probe: DeviceProbe) -> list[list[str]]:
    rows = []
    for runtime in probe.runtimes:
        rows.append(
            [runtime.name, _mark(runtime.usable), (runtime.version if runtime.usable else runtime.reason) or ""]
        )
        rows += [[f"  {p.name}", _mark(p.usable), p.reason or ""] for p in runtime.providers]
    return rows


def _sensor_row(sensor: SensorProbe) -> list[str]:
    about = sensor.scope if sensor.usable else sensor.reason
    return [sensor.name, sensor.quantity, _mark(sensor.usable), about or ""]


def _mark(usable: bool) -> str:
    return "yes" if usable else "no"
