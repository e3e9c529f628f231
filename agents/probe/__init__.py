"""``agent probe``: what this device is, what it can run and what it can sense, or why not."""

import os
import platform
import sys
import time
from typing import Optional, Tuple

from agents import state, sysfs
from agents.device_facts import DeviceProbe, SensorProbe
from agents.live import LiveSensors
from agents.probe import android, cpu, drivers, machine, runtimes, unit
from agents.probe.raspberry import parse_cpuinfo_revision
from agents.probe.remembered import remembered


def probe(store_root: str, root: str = "/", fresh: bool = True) -> DeviceProbe:
    """All facts of the device whose /proc and /sys lie below ``root``. Each runtime is tried in its own process;

    not ``fresh``: unless that was done a short while ago and nothing has changed since, and without waiting to see
    what else runs here, which each session looks at anyway.
    """
    properties = android.properties() if root == "/" else {}
    cpuinfo = sysfs.read_text(root, "proc/cpuinfo") or ""
    # os.uname, because Python 3.13's platform.release() is Android's version there, not the kernel's (PEP 738).
    kernel, architecture = os.uname().release, os.uname().machine
    found = runtimes.probe_all() if fresh else remembered(store_root, runtimes.probe_all)
    # The runtimes' probes ran in processes of their own and are over.
    mark = state.cpu_mark(root)
    return DeviceProbe(
        model=machine.model(root, properties, cpuinfo),
        soc=machine.soc(root, properties, cpuinfo),
        machine=architecture,
        cores=cpu.cores(root, cpuinfo),
        memory_bytes=sysfs.meminfo_bytes(root).get("MemTotal"),
        os=machine.os_name(root, properties),
        kernel=kernel,
        python=sys.version.split()[0],
        numpy=runtimes.numpy_version(),
        libc=" ".join(platform.libc_ver()).strip() or None,
        context=machine.context(),
        runtimes=found,
        sensors=_sensors(root, store_root),
        state=state.read_state(root, store_root, _background(root, mark) if fresh else (None, 0.0)),
        virtual=machine.virtual(root, cpuinfo, architecture),
        manufacturer=machine.manufacturer(root, properties),
        compatible=machine.compatible(root),
        revision=parse_cpuinfo_revision(cpuinfo),
        build=android.build(properties),
        unit=unit.unit(root, properties),
        drivers=drivers.drivers(root),
    )


def _background(root: str, mark: Optional[state.CpuMark]) -> Tuple[Optional[float], float]:
    """What others used since ``mark``, and for as long as a share of it takes to mean anything."""
    rest_s = state.SHORT_WINDOW_S - (time.monotonic_ns() - mark.monotonic_ns) / 1e9 if mark else 0.0
    time.sleep(max(0.0, rest_s))
    return state.background_share(mark, state.cpu_mark(root))


def _sensors(root: str, store_root: str) -> Tuple[SensorProbe, ...]:
    live = LiveSensors(root, store_root)
    live.close()
    return live.probes
