"""One session from RunSpec to result, through lost links and restarted controllers.

The session runs detached on the device and keeps its journal there, so everything here only watches: asking for a
session that already runs, or has ended, follows or collects that one.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from agents import strict_json, wire
from orchestrator.errors import CommandFailed, LeaseLost, SessionFailed
from orchestrator.measure.deploy.agent import DeployedAgent, refused
from orchestrator.measure.deploy.arrays import Arrays, fetch_arrays, load_arrays
from orchestrator.measure.deploy.patience import LINK_PATIENCE_S, through_lost_links
from orchestrator.measure.transports.base import Completed, tail

OnEvent = Callable[[wire.Event], None]
T = TypeVar("T")

# Start, load, result and the agent's own clean-up, beyond the session's time limit on the device.
MARGIN_S = 60.0
# The watcher on the device may be killed (out of memory) while the session lives on.
WATCHERS = 5
FENCED_HINT = "what was measured is in the ledger; the same command goes on once the device is free (--wait 30m waits)"


def run_session(
    agent: DeployedAgent,
    spec: wire.RunSpec,
    *,
    on_event: OnEvent,
    arrays_dir: Path,
    link_patience_s: float = LINK_PATIENCE_S,
    forget: Sequence[str] = (),
) -> tuple[wire.RunResult, Arrays]:
    """Run ``spec`` on the device, or watch or collect it where it was started before, and fetch its arrays.

    ``on_event`` gets each event of the journal once. The arrays also lie in ``arrays_dir`` as ``<session id>.npz``.
    ``forget``: sessions that the ledger has, to be deleted there before this one starts. A session that failed is a
    result. Raises SessionFailed where the agent gives no result or one that cannot be true, CommandFailed where it
    refuses the spec, LeaseLost where another controller has taken the device by now, Unreachable where the link stays
    lost for ``link_patience_s``.
    """
    watch = _Watch(agent, spec, on_event, link_patience_s, forget)
    result = watch.to_the_end()
    blob = result.arrays
    if blob is None:
        return result, {}
    path = arrays_dir / f"{spec.session_id}.npz"
    watch.patiently(lambda: fetch_arrays(agent, spec.session_id, blob, path))
    return result, load_arrays(path)


class _Watch:
    """Follows one session's journal; ``position`` is the byte from which the next watcher goes on."""

    def __init__(
        self,
        agent: DeployedAgent,
        spec: wire.RunSpec,
        on_event: OnEvent,
        link_patience_s: float,
        forget: Sequence[str] = (),
    ) -> None:
        self._agent = agent
        self._spec = spec
        self._request = json.dumps(strict_json.to_json(spec)).encode()
        self._on_event = on_event
        self._link_patience_s = link_patience_s
        self._forget = ("--forget", ",".join(forget)) if forget else ()
        self._position = 0
        self._result: wire.RunResult | None = None

    def to_the_end(self) -> wire.RunResult:
        for _ in range(WATCHERS):
            done = self.patiently(self._follow)
            if self._result is not None:
                return self._result
            if done.exit_code == wire.EXIT_FENCED:
                said = refused(self._agent.name, self._agent.root, self._argv(), done)
                raise LeaseLost(said.message, hint=FENCED_HINT)
            if done.exit_code in (wire.EXIT_BAD_REQUEST, wire.EXIT_SESSION_FAILED):
                raise refused(self._agent.name, self._agent.root, self._argv(), done)
        raise self._failed(f"no result after {WATCHERS} watchers, the last one wrote: {tail(done.stderr) or 'nothing'}")

    def _argv(self) -> list[str]:
        return self._agent.argv("run", "--from-byte", str(self._position), *self._forget)

    def _follow(self) -> Completed:
        timeout_s = self._spec.timeout_s + MARGIN_S
        argv = self._argv()
        try:
            return self._agent.transport.stream(argv, stdin=self._request, timeout_s=timeout_s, on_line=self._on_line)
        except CommandFailed as exc:
            raise self._failed(f"no result within {timeout_s:g} s: is the device hung? {exc.stderr_tail}") from exc

    def _on_line(self, line: bytes) -> None:
        try:
            event = strict_json.from_json(wire.Event, json.loads(line))
            if event.kind in ("finished", "failed"):
                result = strict_json.from_json(wire.RunResult, event.data.get("result"))
                if result.session_id != self._spec.session_id:
                    raise ValueError(f"the result is that of session {result.session_id}")
                self._result = result
        except ValueError as exc:
            raise self._failed(f"the agent wrote what is no event: {exc}: {tail(line)}") from exc
        self._position += len(line)
        self._on_event(event)

    def _failed(self, reason: str) -> SessionFailed:
        return SessionFailed(
            f"session {self._spec.session_id} on {self._agent.name}: {reason}",
            failure="internal",
            hint=f"what it wrote lies in {self._agent.root}/sessions/{self._spec.session_id} on the device",
        )

    def patiently(self, action: Callable[[], T]) -> T:
        goes_on = f"session {self._spec.session_id} goes on there: run the same command again to collect it"
        return through_lost_links(self._agent.transport, action, goes_on=goes_on, patience_s=self._link_patience_s)
