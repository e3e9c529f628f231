"""``earshot devices probe``"""

from dataclasses import replace
from pathlib import Path

import click

from agents.device_facts import DeviceProbe, SensorProbe
from orchestrator.cli.options import environment_option, json_option, lab_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.domain.cluster import clusters_of
from orchestrator.domain.session import Environment
from orchestrator.errors import BadInput
from orchestrator.measure.lab.agreement import compare, described, found_clusters
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.draft import draft_profile
from orchestrator.measure.lab.identity import profile_of, require_profile
from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport
from orchestrator.measure.lab.profile_files import parse_profile
from orchestrator.measure.lab.profiles import DeviceProfile, device_model_slug
from orchestrator.measure.transports.base import whole_file
from orchestrator.workflows.reach import in_environment

NO_AGENT = "none: asked through sh"
_MARKS = {True: "yes", False: "NO", None: "not told"}


@click.command()
@click.argument("name", default="local")
@lab_option
@environment_option
@click.option(
    "--write-profile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draft a device profile from the answer, such as device_profiles/NAME.toml beside lab.toml.",
)
@click.option("--force", is_flag=True, help="Replace the file of --write-profile.")
@click.option(
    "--shell", is_flag=True, help="Ask through sh alone: for a phone without Python. No sensors, no runtimes."
)
@json_option
def probe(
    name: str,
    lab: Path | None,
    environment: str | None,
    write_profile: Path | None,
    force: bool,
    shell: bool,
    as_json: bool,
) -> None:
    """Ask a device what it is: SoC, cores, memory, sensors, runtimes and execution providers, or why not.

    \b
    earshot devices probe pi5 --lab lab.toml
    earshot devices probe local --lab lab.toml --environment openvino
    earshot devices probe new-phone --lab lab.toml --write-profile device_profiles/new-phone.toml
    """
    device = in_environment(find_device(load_lab(lab), name), environment)
    _require_writable(write_profile, force)
    where = _by_shell(device) if shell else _by_agent(device)
    profile = profile_of(where.probe, device.profiles_dir)
    if write_profile is not None:
        _write(write_profile, where.probe, profile, device)
    if as_json:
        print_json(where)
    else:
        click.echo(f"device model  {where.device_model}")
        click.echo(f"profile       {f'{profile.name}: {profile.title}' if profile else 'none fits'}")
        _print_probe(where.probe)
        if profile is not None:
            _print_profile(profile, where.probe)
    if write_profile is not None:
        click.echo(f"\n{_written(write_profile, device)}", err=True)
    # Last, so that one can see what it is.
    require_profile(device, where.probe)


def _by_agent(device: Device) -> Environment:
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.measure.deploy.agent import probe_device
    from orchestrator.workflows.prepare import deploy_agent

    with TerminalProgress() as progress:
        agent, environment = deploy_agent(device, progress, any_device=True)
        with agent.transport:
            # Who asks wants to know now: what the runtimes said a while ago is not good enough.
            runtimes = probe_device(agent.transport, agent.argv("probe")).runtimes
    return replace(environment, probe=replace(environment.probe, runtimes=runtimes))


def _by_shell(device: Device) -> Environment:
    from orchestrator.measure.native.shell_probe import probe_by_shell

    with open_transport(device) as transport:
        found = probe_by_shell(transport)
    return Environment(device.name, device_model_slug(found), NO_AGENT, device.transport, found)


def _print_probe(found: DeviceProbe) -> None:
    print_table(["fact", "value"], _facts(found))
    if not found.runtimes and not found.sensors:
        return
    click.echo()
    print_table(["runtime / provider", "usable", "version or reason"], _runtimes(found))
    click.echo()
    print_table(["sensor", "quantity", "usable", "scope or reason"], [_sensor_row(s) for s in found.sensors])


def _print_profile(profile: DeviceProfile, found: DeviceProbe) -> None:
    agreements = compare(profile, found)
    if agreements:
        click.echo()
        rows = [[a.fact, a.says, a.found, _MARKS[a.agrees]] for a in agreements]
        print_table(["profile", "says", "the probe finds", "agree"], rows)
    click.echo()
    print_table(["not here", "what it takes, or why it cannot be"], _not_here(profile, found))


def _require_writable(path: Path | None, force: bool) -> None:
    """Before anything is asked of the device. Raises BadInput."""
    if path is None:
        return
    if path.suffix != ".toml":
        raise BadInput(f"a profile is a .toml file, got {path}", hint=f"--write-profile {path}.toml")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}", hint=f"mkdir -p {path.parent}")
    if path.exists() and not force:
        raise BadInput(f"{path} exists", hint="choose another name, or --force to replace it")


def _write(path: Path, found: DeviceProbe, fitting: DeviceProfile | None, device: Device) -> None:
    """The draft, read back before it is written: what is written can be used."""
    # A profile that is drafted anew does not extend itself.
    base = None if fitting is not None and fitting.name == path.stem else fitting
    text = draft_profile(found, base)
    parse_profile(path.stem, text, device.profiles_dir)
    with whole_file(path) as file:
        file.write(text.encode())


def _written(path: Path, device: Device) -> str:
    own = device.profiles_dir
    if own is not None and path.resolve().parent == own.resolve():
        return f"wrote {path}: look at the lines marked CHECK; it counts from now on for every device of this lab"
    where = own or "a folder device_profiles/ beside lab.toml"
    return f"wrote {path}: look at the lines marked CHECK, then move it to {where}"


def _facts(found: DeviceProbe) -> list[list[str]]:
    return [
        ["model", found.model + (f" ({found.manufacturer})" if found.manufacturer else "")],
        ["SoC", found.soc or "-"],
        ["cores", described(found_clusters(found))],
        *([["clusters", ", ".join(map(str, clusters))]] if (clusters := clusters_of(found)) else []),
        ["memory", f"{found.memory_bytes / 2**30:.1f} GiB" if found.memory_bytes else "-"],
        ["OS", f"{found.os}, {found.kernel}"],
        *([["build", found.build]] if found.build else []),
        *([["unit", found.unit]] if found.unit else []),
        *([["drivers", ", ".join(f"{n} {v}" for n, v in sorted(found.drivers.items()))]] if found.drivers else []),
        ["virtual", found.virtual or "no"],
        ["Python", f"{found.python}, numpy {found.numpy or 'absent'}"],
        ["governor", found.state.governor or "cannot be read"],
    ]


def _not_here(profile: DeviceProfile, found: DeviceProbe) -> list[list[str]]:
    """Execution providers that this kind of device could have, and what it never has."""
    usable = {p.name for r in found.runtimes for p in r.providers if p.usable}
    could_be = [
        (f"{runtime}: {name}", takes)
        for runtime, providers in profile.runtimes.items()
        for name, takes in providers.items()
        if name not in usable
    ]
    return [[name, takes] for name, takes in (*could_be, *profile.absent.items())]


def _runtimes(found: DeviceProbe) -> list[list[str]]:
    rows = []
    for runtime in found.runtimes:
        version = ", ".join(part for part in (runtime.version, runtime.build) if part)
        rows.append([runtime.name, _mark(runtime.usable), (version if runtime.usable else runtime.reason) or ""])
        rows += [[f"  {p.name}", _mark(p.usable), p.reason or p.emulated or ""] for p in runtime.providers]
    return rows


def _sensor_row(sensor: SensorProbe) -> list[str]:
    about = sensor.scope if sensor.usable else sensor.reason
    return [sensor.name, sensor.quantity, _mark(sensor.usable), about or ""]


def _mark(usable: bool) -> str:
    return "yes" if usable else "no"
