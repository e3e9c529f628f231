"""``earshot devices engine``"""

from pathlib import Path

import click

from orchestrator.cli.options import Duration, json_option, lab_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.errors import BadInput


@click.command()
@click.argument("name", default="local")
@click.option(
    "--artifact", required=True, metavar="SHA256", help="A tensorrt artifact, by 8 digits or more of its hash."
)
@click.option("--trtexec", metavar="PATH", help="Where trtexec is on the device; else PATH and NVIDIA's own places.")
@click.option("--timeout", type=Duration(), default="30m", show_default=True, help="For the whole build.")
@lab_option
@results_option
@json_option
def engine(
    name: str, artifact: str, trtexec: str | None, timeout: float, lab: Path | None, results: Path, as_json: bool
) -> None:
    """Build a TensorRT engine on the device, by its own trtexec.

    It is kept there under a hash of graph, command, version of TensorRT and GPU: what was built once is not built
    again. Export what it is built from first.

    \b
    earshot models export kws --recipe tensorrt:fp16
    earshot devices engine jetson --artifact 3f9c21d0 --lab lab.toml
    """
    import tempfile

    from agents import wire
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.make.export.stored import by_hash
    from orchestrator.measure.deploy.archive import build_agent_archive
    from orchestrator.measure.deploy.engine import build_engine
    from orchestrator.measure.deploy.push import deploy_bare
    from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport

    found = by_hash(results / "artifacts", artifact)
    if not found.path.name.endswith(".tensorrt.zip"):
        raise BadInput(
            f"{found.label} is no kit for TensorRT", hint="earshot models export MODEL --recipe tensorrt:fp16 makes one"
        )
    blob = wire.Blob(found.sha256, found.path.stat().st_size, ".tensorrt.zip")
    device = find_device(load_lab(lab), name)
    with TerminalProgress() as progress, open_transport(device) as transport:
        progress.stage(f"building an engine on {name}", steps=1)
        with tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
            agent = deploy_bare(transport, build_agent_archive(Path(scratch)), device.root, python=device.python)
        built = build_engine(agent, found.path, blob, timeout, trtexec)
    if as_json:
        print_json(built)
        return
    how = "was there already" if built.cached else f"built in {built.build_s:.0f} s"
    click.echo(f"{built.path} ({built.size_bytes / 1e6:.1f} MB) {how}: TensorRT {built.tensorrt} on {built.gpu}")
