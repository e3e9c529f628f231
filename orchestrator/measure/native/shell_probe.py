"""What a device is, asked through ``sh`` alone: what the agent's probe would read there, read by its parsers here."""

import tempfile
from pathlib import Path

from agents import sysfs
from agents.device_facts import DeviceProbe, DeviceState
from agents.probe import android, cpu, machine
from agents.probe.raspberry import parse_cpuinfo_revision
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.transports.base import Transport, check

_FILES = ("proc/cpuinfo", "proc/meminfo", *machine.READS)
_COMMANDS = ("uname", "getprop", "environment")
_MARK = "=== earshot "
_SCRIPT = f"""
show() {{ [ -r "/$1" ] && {{ echo "{_MARK}$1"; cat "/$1"; echo; }}; }}
echo "{_MARK}uname"; uname -m; uname -r
echo "{_MARK}environment"
for name in TERMUX_VERSION SSH_CONNECTION ANDROID_ROOT; do eval "[ -n \\"\\$$name\\" ]" && echo "$name=set"; done
if command -v getprop >/dev/null 2>&1; then echo "{_MARK}getprop"; getprop; fi
for f in "$@"; do show "$f"; done
cd /sys/devices/system/cpu && for f in cpu[0-9]*/cpufreq/cpuinfo_max_freq cpu[0-9]*/cpu_capacity; do
    show "sys/devices/system/cpu/$f"
done
exit 0
"""


def probe_by_shell(transport: Transport) -> DeviceProbe:
    """Facts only: no runtimes, no sensors, no state (those take the agent). Raises DeviceNotReady, Unreachable."""
    done = transport.exec(["sh", "-c", _SCRIPT, "sh", *_FILES])
    sections = _sections(check(done, ["sh"], f"cannot ask {transport.name} what it is").decode("utf-8", "replace"))
    uname = sections.get("uname", "").split()
    # Without them the parsers would fall back on what this machine is.
    if len(uname) != 2 or not (sections.get("proc/cpuinfo") or sections.get("getprop")):
        raise DeviceNotReady(
            f"{transport.name} does not say what it is: its shell shows neither uname nor /proc/cpuinfo nor getprop",
            hint="is it Linux or Android? look with: uname -m; cat /proc/cpuinfo",
        )
    properties = android.parse_getprop(sections.get("getprop", ""))
    with tempfile.TemporaryDirectory(prefix="earshot-probe-") as scratch:
        for name, text in sections.items():
            if name not in _COMMANDS:
                path = Path(scratch) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        # A shell over ADB need not have Android's environment where adbd is not Android's own.
        environment = dict.fromkeys(("ANDROID_ROOT",) if transport.kind == "adb" else (), "set")
        environment |= dict(line.split("=") for line in sections["environment"].split())
        return _probe(scratch, properties, uname[0], uname[1], environment)


def _sections(text: str) -> dict[str, str]:
    parts = text.replace("\r\n", "\n").split(_MARK)[1:]
    return {name.strip(): body for name, _, body in (part.partition("\n") for part in parts)}


def _probe(
    root: str, properties: dict[str, str], architecture: str, kernel: str, environment: dict[str, str]
) -> DeviceProbe:
    cpuinfo = sysfs.read_text(root, "proc/cpuinfo") or ""
    return DeviceProbe(
        model=machine.model(root, properties, cpuinfo),
        soc=machine.soc(root, properties, cpuinfo),
        machine=architecture,
        cores=cpu.cores(root, cpuinfo),
        memory_bytes=sysfs.meminfo_bytes(root).get("MemTotal"),
        os=machine.os_name(root, properties),
        kernel=kernel,
        python="none",
        numpy=None,
        libc=None,
        context=machine.context(environment),
        runtimes=(),
        sensors=(),
        state=DeviceState(throttled_source="not asked: no agent on this device"),
        virtual=machine.virtual(root, cpuinfo, architecture),
        manufacturer=machine.manufacturer(root, properties),
        compatible=machine.compatible(root),
        revision=parse_cpuinfo_revision(cpuinfo),
        build=android.build(properties),
    )
