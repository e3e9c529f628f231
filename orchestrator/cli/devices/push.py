"""``earshot devices push``"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import Duration, json_option, lab_option, results_option
from orchestrator.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from orchestrator.workflows.fan_out import Delivery

# What an error of a device exits with (errors.DeviceError).
_SOME_FAILED = 5
_SHOWN = 200


class _WithCommand(click.Command):
    """What follows the first ``--`` is the command for the devices, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["command"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


@click.command(cls=_WithCommand)
@click.argument("what", nargs=-1, metavar="[FILE|MODEL]...")
@click.option(
    "--devices", required=True, metavar="LIST", help="Names, tag:TAG, any:TAG or all (of the lab file), with commas."
)
@lab_option
@click.option("--recipe", "recipes", multiple=True, help="Of a model: this artifact; may be given again.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 1000),
    default=32,
    show_default=True,
    help="So many devices at a time. Each is a connection of this process.",
)
@click.option("--timeout", "timeout_s", type=Duration(), default="1h", show_default=True, help="For each device.")
@results_option
@json_option
@click.pass_context
def push(
    context: click.Context,
    what: tuple[str, ...],
    devices: str,
    lab: Path | None,
    recipes: tuple[str, ...],
    at_once: int,
    timeout_s: float,
    results: Path,
    as_json: bool,
) -> None:
    """Bring the agent, files and models to many devices at once, and run one command there.

    Each goes there by its content hash, where it is absent, is proven there, and lies below ~/.cache/earshot (the root
    of lab.toml): later runs find it. MODEL: its artifacts and the audio that it is measured with. A device needs a
    Python >= 3.9 and nothing else.

    COMMAND is no shell's line: each word reaches the device as it is, but for {root}, {python} and {agent}, which are
    paths there, and the word {files}, which stands for all FILEs. It runs once on each device. One that fails, or is
    away, ends no other; a device that this ledger says somebody measures on is left alone.

    \b
    earshot devices push --devices all --lab lab.toml
    earshot devices push model.onnx --devices tag:pi --lab lab.toml -- sha256sum {files}
    earshot devices push kws --recipe onnx:int8-dynamic --devices all --lab lab.toml
    earshot devices push --devices all --lab lab.toml --json -- sh -c 'uptime; df -h .'
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.domain.recipe import Recipe
    from orchestrator.measure.lab.inventory import load_lab
    from orchestrator.workflows.fan_out import fan_out, intake_of
    from orchestrator.workflows.fan_out_choice import chosen_devices
    from orchestrator.workflows.fan_out_files import files_for

    known = load_lab(lab)
    wanted = [Recipe.parse(text) for text in recipes]
    with TerminalProgress() as progress, tempfile.TemporaryDirectory(prefix="earshot-push-") as scratch:
        chosen, refused = chosen_devices(known, devices, results, progress)
        files = files_for(what, wanted, results, Path(scratch), progress)
        with intake_of(files, context.meta["command"], timeout_s) as intake:
            deliveries = fan_out(chosen, intake, progress, refused=refused, at_once=at_once)
    if as_json:
        print_json([_as_json(delivery) for delivery in deliveries])
    else:
        _print(deliveries, bool(context.meta["command"]))
    failed = sum(not delivery.ok for delivery in deliveries)
    if failed:
        click.echo(f"{failed} of {len(deliveries)} devices failed", err=True)
        context.exit(_SOME_FAILED)


def _print(deliveries: "Sequence[Delivery]", with_command: bool) -> None:
    said = ["exit>", "said"] if with_command else []
    print_table(
        ["device", "sent", "MB>", "s>", *said, "note"], [_row(delivery, with_command) for delivery in deliveries]
    )


def _row(delivery: "Delivery", with_command: bool) -> list[str]:
    took, error = delivery.took, delivery.error
    command = _command(delivery) if with_command else []
    if took is None:
        hint = f"; next: {error.hint}" if error and error.hint else ""
        return [delivery.device, "-", "-", number(delivery.duration_s), *command, f"failed: {error}{hint}"]
    sent = f"{len(took.pushed)} files" if took.pushed else "all was there"
    return [delivery.device, sent, number(took.bytes_sent / 1e6), number(delivery.duration_s), *command, ""]


def _command(delivery: "Delivery") -> list[str]:
    """How it ended, and the last line that it wrote."""
    done = delivery.took.completed if delivery.took else None
    if done is None:
        return ["-", ""]
    lines = (done.stdout if done.ok else done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return ["signal" if done.exit_code is None else str(done.exit_code), lines[-1][:_SHOWN] if lines else ""]


def _as_json(delivery: "Delivery") -> dict[str, Any]:
    took, error = delivery.took, delivery.error
    done = took.completed if took else None
    return {
        "device": delivery.device,
        "ok": delivery.ok,
        "pushed": None if took is None else took.pushed,
        "bytes_sent": None if took is None else took.bytes_sent,
        "duration_s": round(delivery.duration_s, 3),
        "command": None
        if done is None
        else {
            "exit_code": done.exit_code,
            "stdout": done.stdout.decode("utf-8", "replace"),
            "stderr": done.stderr.decode("utf-8", "replace"),
        },
        "error": None if error is None else {"message": error.message, "next": error.hint},
    }
