"""``earshot devices setup NAME --phone``"""

from pathlib import Path

import click

from orchestrator.cli.output import print_json
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device
from orchestrator.measure.phone.look import look, ways
from orchestrator.measure.phone.steps import DONE, PhoneStep, perform, phone_steps


def set_up_phone(device: Device, *, dry_run: bool, as_json: bool) -> None:
    """Shows every step with its state; does those that can be done from here, unless ``dry_run``."""
    public_key = _public_key(device.identity_file)
    problems: dict[str, str | None] = {}
    with ways(device) as found:
        steps = phone_steps(device, look(found, public_key), public_key)
        for step in steps:
            if not dry_run and step.state != DONE:
                problems[step.what] = perform(step, found)
    if as_json:
        print_json({"device": device.name, "dry_run": dry_run, "steps": steps, "not_done": problems})
        return
    for number, step in enumerate(steps, 1):
        _print(number, step, problems)
    if dry_run:
        click.echo("nothing was done: leave out --dry-run to do what can be done from here", err=True)


def _print(number: int, step: PhoneStep, problems: dict[str, str | None]) -> None:
    tried = step.what in problems
    problem = problems.get(step.what)
    state = "done now" if tried and problem is None else step.state
    click.echo(f"{number}. {step.what}: {state}")
    if step.state == DONE:
        return
    click.echo(f"   {step.why}")
    if step.reason:
        click.echo(f"   {step.reason}")
    if state != "done now":
        click.echo(f"   in {step.where}:" if step.shown else "")
        for line in "\n".join(step.shown).splitlines():
            click.echo(f"     {line}")
    if problem:
        click.echo(f"   not done from here: {problem}")


def _public_key(identity_file: Path | None) -> str | None:
    """The public half beside the key; None where the lab file names no key. Raises BadInput where it is not there."""
    if identity_file is None:
        return None
    path = identity_file.with_name(identity_file.name + ".pub")
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise BadInput(
            f"cannot read {path}: {exc.strerror}", hint=f"ssh-keygen -y -f {identity_file} > {path}"
        ) from exc
