"""``earshot devices clean``"""

from pathlib import Path

import click

from orchestrator.cli.options import lab_option
from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport


@click.command()
@click.argument("name", default="local")
@lab_option
@click.option("--blobs", is_flag=True, help="Also remove pushed models and audio; the next run pushes them again.")
@click.option(
    "--environments",
    type=click.Choice(["old", "all"]),
    is_flag=False,
    flag_value="old",
    help="Also remove Python environments: those that were replaced, half-made, or are no longer in the lab file "
    "(old, the default), or all that `earshot devices setup` made.",
)
@click.option("--python", is_flag=True, help="Also remove the Python that `earshot devices setup` installed there.")
def clean(name: str, lab: Path | None, blobs: bool, environments: str | None, python: bool) -> None:
    """Remove what Earshot left on a device: finished sessions, changes that quieted it, and what the options name."""
    import tempfile

    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.measure.deploy.archive import build_agent_archive
    from orchestrator.measure.deploy.clean import clean as clean_device
    from orchestrator.measure.deploy.push import deploy_bare
    from orchestrator.measure.doctor.quieted import put_back
    from orchestrator.measure.provision.environments import wanted_environments

    device = find_device(load_lab(lab), name)
    keep = () if environments == "all" else tuple(wanted_environments(device))
    with TerminalProgress() as progress, open_transport(device) as transport:
        progress.stage(f"cleaning {name}", steps=1)
        with tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
            # No numpy and no runtime is needed for this: a device can be cleaned whatever has become of them.
            agent = deploy_bare(transport, build_agent_archive(Path(scratch)), device.root, python=device.python)
        put_back(agent, device, progress.note)
        removed = clean_device(agent, blobs=blobs, environments=environments is not None, keep=keep, python=python)
    for item in removed:
        click.echo(item)
    click.echo(f"{len(removed)} removed from {name}", err=True)
