"""One run of a native tool: program, libraries and model by hash, then the tool, then what it printed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from agents.device_facts import DeviceProbe
from orchestrator.domain.native import ClosedLoop, NativeSession
from orchestrator.errors import CommandFailed
from orchestrator.measure.deploy.push import DEFAULT_ROOT
from orchestrator.measure.lab.profiles import device_model_slug
from orchestrator.measure.native import Tool, tool
from orchestrator.measure.native.binary import require_fit
from orchestrator.measure.native.files import place_of, plain_name, send_file
from orchestrator.measure.transports.base import Completed, Transport, tail

# The libraries lie beside the program. Hexagon's loader has a path of its own.
_RUN = """
there=$(cd "$1" && pwd) || exit 126
LD_LIBRARY_PATH="$there${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
ADSP_LIBRARY_PATH="$there${ADSP_LIBRARY_PATH:+;$ADSP_LIBRARY_PATH}"
export LD_LIBRARY_PATH ADSP_LIBRARY_PATH
shift
exec "$@"
"""


@dataclass(frozen=True)
class NativeRun:
    """What to run. ``extra``: arguments of the tool that Earshot has no word for, such as ``--use_gpu=true``."""

    tool: str
    program: Path
    model: Path
    threads: int = 1
    runs: int = 200
    libraries: tuple[Path, ...] = ()
    extra: tuple[str, ...] = ()
    timeout_s: float = 600.0


def run_native(
    transport: Transport, probe: DeviceProbe, wanted: NativeRun, session_id: str, root: str | None = None
) -> NativeSession:
    """The session, failed or not. Raises BadInput for a program of another processor, and what a transport raises."""
    for each in (wanted.program, *wanted.libraries):
        require_fit(each, transport.name, probe.machine)
    folder = f"{root or DEFAULT_ROOT}/native"
    program = send_file(transport, wanted.program, place_of(folder, wanted.program), program=True)
    # Beside the program, under their names: that is where the loader looks.
    beside = str(PurePosixPath(program.remote).parent)
    libraries = {lib.name: send_file(transport, lib, f"{beside}/{plain_name(lib.name)}") for lib in wanted.libraries}
    model = send_file(transport, wanted.model, place_of(folder, wanted.model))
    spoken = tool(wanted.tool)
    arguments = [*wanted.extra, *spoken.arguments(_here(model.remote), wanted.threads, wanted.runs)]
    started, clock = datetime.now(UTC), time.monotonic()
    done, reason = _execute(transport, [_here(beside), _here(program.remote), *arguments], wanted.timeout_s)
    duration_s = time.monotonic() - clock
    times, reason = (None, reason) if done is None else _read(spoken, done)
    return NativeSession(
        session_id=session_id,
        tool=wanted.tool,
        tool_sha256=program.sha256,
        model=wanted.model.name,
        model_sha256=model.sha256,
        threads=wanted.threads,
        arguments=tuple(arguments),
        device=transport.name,
        device_model=device_model_slug(probe),
        transport=transport.kind,
        probe=probe,
        started_utc=started.isoformat(timespec="seconds"),
        duration_s=duration_s,
        times=times,
        reason=reason,
        output_tail=tail(done.stdout + b"\n" + done.stderr) if done else "",
        libraries={name: sent.sha256 for name, sent in libraries.items()},
    )


def _execute(transport: Transport, argv: Sequence[str], timeout_s: float) -> tuple[Completed | None, str | None]:
    try:
        return transport.exec(["sh", "-c", _RUN, "sh", *argv], timeout_s=timeout_s), None
    except CommandFailed as exc:
        return None, f"it did not end within {timeout_s:g} s" if exc.exit_code_remote is None else exc.message


def _read(spoken: Tool, done: Completed) -> tuple[ClosedLoop | None, str | None]:
    if not done.ok:
        ended = "was killed" if done.exit_code is None else f"ended with exit code {done.exit_code}"
        return None, f"it {ended}: {tail(done.stderr) or tail(done.stdout) or 'without a word'}"
    try:
        return spoken.parse(done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")), None
    except ValueError as exc:
        return None, str(exc)


def _here(path: str) -> str:
    """A program is found by a path with a slash, also one below the home."""
    return path if path.startswith("/") else f"./{path}"
