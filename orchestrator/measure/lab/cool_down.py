"""Between sessions a device cools down until it is as it was at the study's start: by temperature, not by a pause."""

import json
import time
from collections.abc import Callable, Iterable, Mapping

from agents import cooling, strict_json
from agents.device_facts import Cooled
from orchestrator.errors import Unreachable
from orchestrator.measure.deploy.agent import DeployedAgent, refused
from orchestrator.measure.lab.device import CoolDown

Temperatures = Mapping[str, float]

# Beyond the wait itself: start of Python on a small board, and a device that shows what it found.
_MARGIN_S = 60.0
# A wait that a person notices; shorter ones are only recorded.
_TOLD_S = 5.0
_PAUSE_S = 1.0


def lowest(seen: Iterable[Temperatures]) -> dict[str, float]:
    """Per sensor the lowest of several readings: what the device is like when it has nothing to do."""
    found: dict[str, float] = {}
    for reading in seen:
        for name, value in reading.items():
            found[name] = min(value, found.get(name, value))
    return found


class Cooler:
    """Waits before each session. ``baseline_c``: temperatures of the idle device; ``now_c``: read a moment ago.

    The waiting is done by one process on the device. A device that no longer cools before it has reached its baseline
    (the room has become warmer) has its new baseline there.
    """

    def __init__(
        self,
        agent: DeployedAgent,
        policy: CoolDown,
        baseline_c: Temperatures,
        tell: Callable[[str], None],
        now_c: Temperatures | None = None,
    ) -> None:
        self._agent, self._policy, self._tell = agent, policy, tell
        self._baseline_c = dict(baseline_c)
        self._last_c = now_c
        self._sessions = 0

    def saw(self, temperature_c: Temperatures) -> None:
        """What a session read at its end: where that is cool enough, nothing has to be asked before the next one."""
        self._last_c = dict(temperature_c)

    def wait(self, session_id: str) -> Cooled | None:
        """How long it took, and from where to where. None without a sensor, without a policy, or where the session was
        started before: then it is collected, not waited for.

        Raises CommandFailed, and Unreachable where the device stays away for as long as the wait may last.
        """
        self._sessions += 1
        if self._policy.at_most_s == 0:
            return None
        if not self._baseline_c:
            if self._sessions == 2:
                self._tell(f"{self._agent.name} has no temperature sensor: no cool-down between sessions")
            return None
        if self._last_c is not None:
            above_c = cooling.excess_c(dict(self._last_c), self._baseline_c)
            if above_c is not None and above_c <= self._policy.within_c:
                return self._cooled(0.0, cooling.REACHED, self._last_c, self._last_c)
        if self._begun(session_id):
            return None
        return self._wait()

    def _begun(self, session_id: str) -> bool:
        path = f"{self._agent.root}/sessions/{session_id}"
        return self._agent.transport.exec(["sh", "-c", 'test -d "$1"', "sh", path]).ok

    def _wait(self) -> Cooled | None:
        begin_s = time.monotonic()
        states: list[cooling.CoolState] = []
        while not states or not states[-1].outcome:
            left_s = max(0.0, self._policy.at_most_s - (time.monotonic() - begin_s))
            try:
                self._watch(left_s, states)
            except Unreachable:
                self._reconnect(begin_s + self._policy.at_most_s + _MARGIN_S)
        last = states[-1]
        # A sensor may be asleep at the very first reading.
        first = next((state for state in states if self._hottest(state.temperature_c)), last)
        if last.outcome == cooling.NO_SENSOR:
            self._baseline_c.clear()
            self._tell(f"{self._agent.name}: its temperature sensors no longer answer: no cool-down from now on")
            return None
        cooled = self._cooled(time.monotonic() - begin_s, last.outcome, first.temperature_c, last.temperature_c)
        if last.outcome == cooling.STILL:
            for name, value in last.temperature_c.items():
                self._baseline_c[name] = max(value, self._baseline_c.get(name, value))
        self._tell_end(cooled)
        return cooled

    def _watch(self, at_most_s: float, states: list[cooling.CoolState]) -> None:
        """One process on the device, its lines into ``states``; the last one has the outcome."""
        request = cooling.CoolRequest(self._baseline_c, self._policy.within_c, at_most_s)
        argv = self._agent.argv("cool")

        def on_line(line: bytes) -> None:
            state = strict_json.from_json(cooling.CoolState, json.loads(line))
            if state.waited_s >= _TOLD_S and states and states[-1].waited_s < _TOLD_S:
                self._tell_begin(state.temperature_c)
            states.append(state)

        done = self._agent.transport.stream(
            argv,
            stdin=json.dumps(strict_json.to_json(request)).encode(),
            timeout_s=at_most_s + _MARGIN_S,
            on_line=on_line,
        )
        if not done.ok or not states or not states[-1].outcome:
            raise refused(self._agent.name, self._agent.root, argv, done)

    def _reconnect(self, give_up_s: float) -> None:
        while True:
            try:
                return self._agent.transport.reconnect()
            except Unreachable:
                if time.monotonic() > give_up_s:
                    raise
            time.sleep(_PAUSE_S)

    def _cooled(self, waited_s: float, outcome: str, before_c: Temperatures, after_c: Temperatures) -> Cooled:
        return Cooled(waited_s, outcome, dict(self._baseline_c), dict(before_c), dict(after_c))

    def _hottest(self, temperature_c: Temperatures) -> str | None:
        """The sensor that is farthest above its baseline; None where none of the baseline's was read."""
        known = [name for name in temperature_c if name in self._baseline_c]
        return max(known, key=lambda name: temperature_c[name] - self._baseline_c[name], default=None)

    def _tell_begin(self, temperature_c: Temperatures) -> None:
        name = self._hottest(temperature_c)
        if name is None:
            return
        goal_c = self._baseline_c[name] + self._policy.within_c
        self._tell(
            f"{self._agent.name} is cooling down: {name} {temperature_c[name]:.0f} C, until {goal_c:.0f} C "
            f"or for {self._policy.at_most_s:.0f} s"
        )

    def _tell_end(self, cooled: Cooled) -> None:
        name = self._hottest(cooled.before_c)
        if cooled.waited_s < _TOLD_S or name is None:
            return
        why = {
            cooling.STILL: "; it cools no further, which is its baseline from now on",
            cooling.TIMED_OUT: "; the longest wait is over",
        }.get(cooled.outcome, "")
        self._tell(
            f"cooling: {name} {cooled.before_c[name]:.0f} -> {cooled.after_c.get(name, float('nan')):.0f} C, "
            f"{cooled.waited_s:.0f} s{why}"
        )
