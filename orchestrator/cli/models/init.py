"""``earshot models init``."""

from pathlib import Path

import click


@click.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where; ./NAME by default.")
def init(name: str, folder: Path | None) -> None:
    """Write a template for a PyTorch model of your own: a module, its contract, an evaluation set, with comments.

    It runs as it is (a detector of tones); put your model in its place, file by file. Exporting it needs torch.

    \b
    earshot models init my-model
    earshot models check ./my-model
    earshot tune ./my-model
    """
    from orchestrator.make.models.module_template import write_template

    place = folder or Path(name)
    for path in write_template(name, place):
        if path.suffix != ".wav":
            click.echo(str(path))
    shown = place if place.is_absolute() else f"./{place}"
    click.echo(f"next: edit model.py and model.toml there, then earshot tune {shown}", err=True)
