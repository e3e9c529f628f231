"""``earshot devices runner``"""

import platform
import shutil
from pathlib import Path

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.output import print_json

_RUNTIMES = ("executorch",)


@click.command()
@click.argument("runtime", type=click.Choice(_RUNTIMES))
@click.option("--machine", help="What `uname -m` says on the device; this machine's by default.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Copy the wheel into this folder too.")
@json_option
def runner(runtime: str, machine: str | None, out: Path | None, as_json: bool) -> None:
    """Build RUNTIME's runner for a processor, as a wheel, and say where it lies.

    ExecuTorch's own Python package needs torch. The runner does without: a library of 70 kB, built here with g++ from
    the headers in executorch's wheel for that processor, beside that wheel's libraries; 4 MB in all.

    A device gets it without this command, where lab.toml names it: packages = ["numpy", "earshot-executorch-runner"].
    For aarch64 the compiler is g++-aarch64-linux-gnu.

    \b
    earshot devices runner executorch --machine aarch64
    pip install "$(earshot devices runner executorch)"
    """
    from orchestrator.measure.provision.resolve import wheel_cache
    from orchestrator.measure.provision.runners.executorch import runner_wheel

    machine = machine or platform.machine()
    wheel = runner_wheel(machine, wheel_cache())
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        wheel = Path(shutil.copy2(wheel, out / wheel.name))
    if as_json:
        print_json({"runtime": runtime, "machine": machine, "wheel": wheel, "size_bytes": wheel.stat().st_size})
        return
    click.echo(str(wheel))
