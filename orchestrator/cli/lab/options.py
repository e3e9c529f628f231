"""What several verbs of ``earshot lab`` take."""

from pathlib import Path

import click

from orchestrator.measure.standin.network import Quality

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("earshot-lab"),
    show_default=True,
    help="Folder of the lab: lab.toml, keys, logs.",
)
name_argument = click.argument("name")
mbit_option = click.option(
    "--mbit", type=float, metavar="N", help="Bandwidth in Mbit/s each way; unlimited if left out."
)
delay_option = click.option("--delay-ms", type=float, default=0.0, show_default=True, help="Delay each way.")
jitter_option = click.option("--jitter-ms", type=float, default=0.0, show_default=True, help="Up to so much more.")
loss_option = click.option("--loss", type=float, default=0.0, show_default=True, help="Share of packets lost, 0..1.")


def quality(mbit: float | None, delay_ms: float, jitter_ms: float = 0.0, loss: float = 0.0) -> Quality:
    """Raises BadParameter for what no link can be."""
    try:
        return Quality(mbit, delay_ms, jitter_ms, loss)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc
