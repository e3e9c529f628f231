"""What keeps the rest of a device away from what is measured: steps that can be asked for, and what came of them."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents import wire
from orchestrator.errors import BadInput

GOVERNOR, CLOCKS, POWER_MODE, IRQ, PRIORITY, REALTIME = (
    "governor",
    "clocks",
    "power-mode",
    "irq",
    "priority",
    "realtime",
)
# What each does, for people.
STEPS = {
    GOVERNOR: "every core's governor is performance, and no cap lies below what the hardware can do",
    CLOCKS: "clocks are locked: jetson_clocks on a Jetson, fixed performance mode on Android",
    f"{POWER_MODE}=N": "a Jetson's nvpmodel mode, where that takes no restart",
    IRQ: "interrupts go to other cores than those that the candidates are held to",
    PRIORITY: "sessions run with nice -19",
    REALTIME: "paced sessions run under SCHED_FIFO, the others with nice -19",
}
NONE = "none"


@dataclass(frozen=True)
class IsolationStep:
    """A step that was asked for. ``done``: it is so for the time of the sessions; ``detail``: what was changed, or why
    it is not so.
    """

    name: str
    done: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}" if self.done else f"{self.name} not done: {self.detail}"


def parse_steps(words: Sequence[str]) -> tuple[str, ...]:
    """Steps as they are typed, each once; ``none`` alone is none of them. Raises BadInput."""
    steps = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    if steps == (NONE,):
        return ()
    known = [*STEPS, NONE]
    for step in steps:
        if step not in known[:-1] or step.endswith("=N"):
            if re.fullmatch(rf"{POWER_MODE}=\d{{1,3}}", step):
                continue
            near = difflib.get_close_matches(step, known, n=1)
            raise BadInput(
                f"unknown isolation step {step!r}",
                hint=f"did you mean {near[0]}? known are {', '.join(known)}"
                if near
                else f"known are {', '.join(known)}",
            )
    if {PRIORITY, REALTIME} <= set(steps):
        raise BadInput(
            "priority and realtime exclude each other", hint="realtime includes nice -19 where it is not paced"
        )
    return steps


def power_mode_of(steps: Sequence[str]) -> int | None:
    """The mode's number in ``power-mode=N``."""
    numbers = [int(step.partition("=")[2]) for step in steps if step.startswith(f"{POWER_MODE}=")]
    return numbers[0] if numbers else None


def priority_of(steps: Sequence[str], mode: str) -> str:
    """One of ``wire.PRIORITIES`` for a session in this mode: realtime is for those that sleep between chunks."""
    if REALTIME in steps and mode == "paced":
        return wire.FIFO
    return wire.NICE if REALTIME in steps or PRIORITY in steps else wire.PLAIN
