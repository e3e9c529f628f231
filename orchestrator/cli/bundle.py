"""``earshot bundle``: check."""

from pathlib import Path
from typing import Any

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.decide.bundle.check import CheckedBundle, check_bundle
from orchestrator.decide.bundle.support import takes
from orchestrator.errors import BadInput


@click.group()
def bundle() -> None:
    """Look into a bundle: what an app ships."""


@bundle.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--device", help="Also show what a device with this identifier takes, such as 'Pixel 8'.")
@json_option
def check(folder: Path, device: str | None, as_json: bool) -> None:
    """Check that the bundle in FOLDER is whole: every hash of its manifest, its contracts against its graphs, its
    lexicon, and device_support.json. Ends with 2 where something is wrong.

    Run it before an app is built from the bundle, and on what the build has packed.
    """
    found = check_bundle(folder)
    if as_json:
        print_json({**_told(found), "takes": takes(found.support, device) if device and not found.problems else None})
        if found.problems:
            raise SystemExit(BadInput.exit_code)
        return
    if found.problems:
        more = "".join(f"\n       {problem}" for problem in found.problems[1:])
        raise BadInput(f"{folder}: {found.problems[0]}{more}", hint="write it anew, or copy the whole folder again")
    click.echo(f"{found.model}: {found.file_count} files, {found.size_bytes / 1e6:.1f} MB, all as the manifest says")
    _print_devices(found.support)
    if device:
        _print_taken(found.support, device)


def _told(found: CheckedBundle) -> dict[str, Any]:
    return {
        "model": found.model,
        "whole": not found.problems,
        "problems": found.problems,
        "files": found.file_count,
        "size_bytes": found.size_bytes,
    }


def _print_devices(support: dict[str, Any]) -> None:
    entries = [(", ".join(e["identifier_prefixes"]), e) for e in support["device_support"]]
    rows = [
        [devices, str(number), *_line(support["configurations"][key])]
        for devices, entry in [*entries, ("any other", support["default"])]
        for number, key in enumerate(entry["fallback"], start=1)
    ]
    print_table(["devices that begin with", "try>", "configuration", "runtime", "files"], rows)


def _line(configuration: dict[str, Any]) -> list[str]:
    runtime = " ".join(filter(None, (configuration["runtime"], configuration["runtime_version"])))
    return [configuration["label"], runtime, ", ".join(file["name"] for file in configuration["files"].values())]


def _print_taken(support: dict[str, Any], device: str) -> None:
    labels = [support["configurations"][key]["label"] for key in takes(support, device)["fallback"]]
    click.echo(f"{device} takes {labels[0]}" + "".join(f", then {label}" for label in labels[1:]))
