"""``agent doctor``: one look at everything that could harm a measurement here."""

import os
import time
from typing import Dict, Optional, Tuple

from agents import ask, jetson, state
from agents.doctor import android, clock, cpu, irqs, processes, swap, zones
from agents.doctor.facts import AndroidFacts, ClockFacts, DoctorFacts, JetsonFacts
from agents.sensors import CONSTANT_ZONES

# Long enough that one process's share of a core is known to 1 %: /proc counts in ticks of 10 ms.
_WINDOW_S = 1.0
_TOOL_TIMEOUT_S = 8.0
_SUPPLIES = "sys/class/power_supply"


def examine(store_root: str, root: str = "/") -> DoctorFacts:
    """Facts of the device whose /proc and /sys lie below ``root``; takes a little more than a second."""
    absent: Dict[str, str] = {}
    begin_wall_s, begin_s = clock.both()
    mark, times, moved = state.cpu_mark(root), processes.cpu_times(root), swap.pages_moved(root)
    time.sleep(_WINDOW_S)
    background = state.background_share(mark, state.cpu_mark(root))
    window_s = time.monotonic() - begin_s
    busy = processes.busy(times, processes.cpu_times(root), window_s, os.getpid())
    if processes.hidden(root):
        absent["busy-processes"] = processes.hidden(root) or ""
    if background[0] is None:
        absent["background-load"] = "/proc/stat cannot be read by this user"
    if not os.path.isdir(os.path.join(root, _SUPPLIES)):
        absent["battery"] = absent["charging"] = f"/{_SUPPLIES} cannot be seen"
    phone = _android(root, absent)
    return DoctorFacts(
        uid=os.geteuid(),
        policies=cpu.policies(root, absent),
        cpu=cpu.access(root, absent),
        zones=zones.zones(root, CONSTANT_ZONES, absent),
        busy=busy,
        swap=swap.swap_use(root, moved, window_s, absent),
        state=state.read_state(root, store_root, background),
        android=phone,
        jetson=_jetson(root, absent),
        irqs=irqs.irqs(root, absent),
        irq_balancer=irqs.balancer(name for name, _ in times.values()),
        clock=_clock(root, begin_wall_s, begin_s),
        absent=absent,
    )


def _android(root: str, absent: Dict[str, str]) -> Optional[AndroidFacts]:
    if not ask.has_tool(root, "getprop"):
        return None
    try:
        release = android.parse_release(_ask(("getprop", "ro.build.version.release")))
    except OSError:
        return None
    return None if release is None else android.read(_ask, release, absent)


def _ask(argv: Tuple[str, ...]) -> str:
    return ask.ask(argv, _TOOL_TIMEOUT_S)


def _jetson(root: str, absent: Dict[str, str]) -> Optional[JetsonFacts]:
    if not ask.has_tool(root, "nvpmodel") and not ask.has_tool(root, "jetson_clocks"):
        return None
    mode, number = jetson.power_mode(root), jetson.power_mode_number(root)
    if mode is None:
        absent["power-mode"] = "nvpmodel -q does not answer"
    try:
        clocks = jetson.parse_clocks(ask.ask(["jetson_clocks", "--show"], _TOOL_TIMEOUT_S))
    except (OSError, ValueError) as error:
        absent["jetson-clocks"] = f"{error} (jetson_clocks --show needs root)"
        return JetsonFacts(mode, mode_number=number)
    return JetsonFacts(mode, clocks.cpu_locked, clocks.gpu_locked, number)


def _clock(root: str, begin_wall_s: float, begin_s: float) -> ClockFacts:
    errors = clock.wake_errors_ns()
    backward = clock.backward_steps()
    end_wall_s, end_s = clock.both()
    return ClockFacts(
        wake_error_median_ns=errors[len(errors) // 2],
        wake_error_worst_ns=errors[-1],
        timer_slack_ns=clock.timer_slack_ns(root),
        backward_steps=backward,
        step_s=(end_wall_s - begin_wall_s) - (end_s - begin_s),
        window_s=end_s - begin_s,
        begin_wall_s=begin_wall_s,
        end_wall_s=end_wall_s,
    )
