"""``earshot devices setup``"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.environments.nouns import EnvironmentsAnswer
from orchestrator.cli.options import json_option, lab_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport

if TYPE_CHECKING:
    from orchestrator.measure.deploy.agent import DeployedAgent
    from orchestrator.measure.provision.environments import EnvironmentPlan, EnvironmentReport
    from orchestrator.measure.provision.python_plan import PythonPlan


@click.command()
@click.argument("name")
@lab_option
@click.option("--environment", "names", multiple=True, help="Only this one; may be given again. All by default.")
@click.option("--upgrade", is_flag=True, help="Also replace an environment that is there, where newer versions fit.")
@click.option(
    "--python-archive",
    metavar="FILE|debian",
    help="First install this Python there, below the agent's folder: a relocatable one in a .tar.gz or .tar.xz, or "
    "debian: made here from Debian's packages. For a device that has none >= 3.9.",
)
@click.option("--phone", is_flag=True, help="The steps of a phone instead: packages, key, wake lock, limits.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@json_option
def setup(
    name: str,
    lab: Path | None,
    names: tuple[str, ...],
    upgrade: bool,
    python_archive: str | None,
    phone: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give a device the Python environments that its sessions run in.

    Wheels are resolved and fetched on this machine for the device's own Python, pushed by hash, and unpacked there: the
    device needs no network, no pip and no root. Done again, it changes nothing.

    A device with no Python >= 3.9 gets one too, in user space, with --python-archive (or python_archive in lab.toml):
    it is proven there before it is used, and then found before the device's own. See docs/how-to/provision.md.

    A phone comes before that: --phone shows its steps, what is done already, and does what can be done from here. See
    docs/how-to/termux.md.

    \b
    earshot devices setup pi5 --lab lab.toml --dry-run
    earshot devices setup pi5 --lab lab.toml
    earshot devices setup nano --lab lab.toml --python-archive cpython-3.11-aarch64-install_only.tar.gz
    earshot run kws --device pi5 --lab lab.toml --environment litert
    """
    from orchestrator.cli.devices.setup_python import bring_python, require_free_choice
    from orchestrator.measure.deploy.archive import build_agent_archive
    from orchestrator.measure.deploy.push import deploy_bare
    from orchestrator.measure.provision.environments import ask_environments, wanted_environments

    device = find_device(load_lab(lab), name)
    if phone:
        from orchestrator.cli.devices.phone import set_up_phone

        set_up_phone(device, dry_run=dry_run, as_json=as_json)
        return
    wanted_environments(device, names)
    archive = python_archive or device.python_archive
    require_free_choice(device, archive)
    installed = None
    with TerminalProgress() as progress, open_transport(device) as transport:
        progress.stage(f"looking at {name}", steps=1)
        if archive is not None:
            python_plan, installed = bring_python(transport, device, archive, progress, dry_run=dry_run, quiet=as_json)
            if dry_run and python_plan.needed:
                _end_without_python(name, python_plan, as_json)
                return
        with tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
            agent = deploy_bare(transport, build_agent_archive(Path(scratch)), device.root, python=device.python)
        there = ask_environments(agent, device.python)
        plans = _plan(agent, there, device, names, upgrade, progress)
        if not as_json:
            _show(agent, there, plans)
        made = [] if dry_run else [_make(agent, there, plan, progress) for plan in plans if plan.needed]
    if as_json:
        pythons = {"python": there.python, "installed_python": installed}
        print_json({"device": name, **pythons, "dry_run": dry_run, "plans": plans, "made": made})
        return
    if installed is not None:
        size = f"{installed.bytes_sent / 1e6:.1f} MB sent"
        click.echo(f"Python {installed.version} is there ({size}): {installed.python}")
    for report in made:
        about = report.environment
        versions = ", ".join(f"{d} {v}" for d, v in about.distributions.items())
        click.echo(f"{about.name}-{about.id} is there ({report.bytes_sent / 1e6:.1f} MB sent): {versions}")
    if dry_run and any(plan.needed for plan in plans):
        click.echo("nothing was done: leave out --dry-run to do it", err=True)
    elif installed is None and not any(plan.needed for plan in plans):
        click.echo("nothing to do", err=True)


def _end_without_python(name: str, plan: "PythonPlan", as_json: bool) -> None:
    """A dry run on a device whose Python is yet to come: which wheels fit is known only once it is there."""
    if as_json:
        about = {"id": plan.id, "folder": plan.there.folder, "bytes_to_send": plan.bytes_to_send, "reason": plan.reason}
        print_json({"device": name, "python": None, "python_plan": about, "dry_run": True, "plans": [], "made": []})
        return
    click.echo("which wheels the environments take is known once that Python is there", err=True)
    click.echo("nothing was done: leave out --dry-run to do it", err=True)


def _plan(
    agent: "DeployedAgent",
    there: EnvironmentsAnswer,
    device: Device,
    names: Sequence[str],
    upgrade: bool,
    progress: TerminalProgress,
) -> "list[EnvironmentPlan]":
    from orchestrator.measure.provision.environments import EnvironmentPlan, plan_environment, wanted_environments
    from orchestrator.measure.provision.resolve import wheel_cache

    wanted = wanted_environments(device, names)
    if there.python.system == "android":
        _show_phone_steps(device.name)
    progress.stage("finding wheels", steps=len(wanted))
    plans = []
    for name, environment in wanted.items():
        progress.step(name)
        if environment.python is not None:
            plans.append(EnvironmentPlan(name, (), f"{environment.python} of the lab file is used as it is"))
        else:
            plans.append(plan_environment(agent, there, name, environment.packages, wheel_cache(), upgrade=upgrade))
    return plans


def _make(
    agent: "DeployedAgent", there: EnvironmentsAnswer, plan: "EnvironmentPlan", progress: TerminalProgress
) -> "EnvironmentReport":
    from orchestrator.measure.provision.environments import make_environment

    progress.stage(f"making {plan.name}: {plan.absent_bytes / 1e6:.1f} MB to send", steps=1)
    return make_environment(agent, there.python, plan)


def _show(agent: "DeployedAgent", there: EnvironmentsAnswer, plans: "Sequence[EnvironmentPlan]") -> None:
    python = there.python
    libc = f"{python.libc} {'.'.join(map(str, python.libc_version))}"
    click.echo(f"{agent.name}: Python {python.version_text} at {python.base}, {python.machine}, {libc}")
    rows = []
    for plan in plans:
        rows.append([plan.name, "make" if plan.needed else "keep", plan.reason, ""])
        for wheel in plan.wheels:
            size = f"{wheel.wheel.blob.size_bytes / 1e6:.1f} MB" if wheel.wheel.file in plan.absent else "is there"
            rows.append([f"  {wheel.wheel.name}", "", wheel.wheel.file, size])
    print_table(["environment", "to do", "why / wheel", "to send>"], rows)


def _show_phone_steps(name: str) -> None:
    """What only the phone's owner can do there, before this command can."""
    from orchestrator.measure.provision.termux import debian_steps

    click.echo(f"the Python of {name} is Android's, for which there are no wheels. Once, in Termux:", err=True)
    for number, step in enumerate(debian_steps(name), 1):
        where = "" if step.where == "termux" else f" (in {step.where})"
        click.echo(f"\n{number}. {step.what}{where}:\n{step.command}", err=True)
