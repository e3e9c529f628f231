"""Jetson Orin Nano: device tree, cores, INA3221, thermal zones, tegrastats, nvpmodel, jetson_clocks.

Formats: Linux Documentation/hwmon/ina3221.rst; NVIDIA Jetson Linux Developer Guide, "tegrastats utility" (JetPack 6),
"nvpmodel" and "jetson_clocks"; /etc/nv_tegra_release as Jetson Linux 36 writes it. The values are ours.
"""

from orchestrator.measure.standin.kinds import thermal
from orchestrator.measure.standin.kinds.arm_cpu import Cluster, cpufreq, cpuinfo
from orchestrator.measure.standin.kinds.tools import SAYS, mark, script
from orchestrator.measure.standin.rootfs import File, Root

NAME = "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit"
OS_RELEASE = 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nID=ubuntu\nVERSION_ID="22.04"\n'
HWMON = "/sys/class/hwmon/hwmon1"
_TREE = "/sys/firmware/devicetree/base"
_COMPATIBLE = ("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234")
_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp uscat"
_CLUSTERS = (Cluster(4, 0xD42, 0, 1, 115_200, 1_728_000), Cluster(2, 0xD42, 0, 1, 115_200, 1_728_000))
_GOVERNORS = "conservative ondemand userspace powersave performance schedutil"
# Jetson Linux 36.4.3 is JetPack 6.2, with the 25 W mode.
_RELEASE = (
    "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, "
    "DATE: Wed Jan  8 01:49:37 UTC 2025\n"
)
# rail: (mV, mA)
RAILS = {"VDD_IN": (5024, 984), "VDD_CPU_GPU_CV": (5016, 168), "VDD_SOC": (5008, 296)}
# tj is the hottest of them.
ZONES = {
    "cpu-thermal": 47.2,
    "gpu-thermal": 46.8,
    "soc0-thermal": 46.1,
    "soc1-thermal": 47.0,
    "soc2-thermal": 45.9,
    "tj-thermal": 47.2,
}

# One line at once, then one per interval, as the real one; it never ends by itself.
_TEGRASTATS = """\
interval=1000
while [ $# -gt 0 ]; do
    case "$1" in --interval) interval=$2; shift ;; esac
    shift
done
pause=$(( interval / 1000 )).$(printf %03d $(( interval % 1000 )))
while :; do
    echo "$(date '+%m-%d-%Y %H:%M:%S') $(cat "$SAYS/tegrastats")" || exit 0
    sleep "$pause"
done
"""
_NVPMODEL = '[ "$1" = -q ] && exec cat "$SAYS/nvpmodel"\necho "usage: nvpmodel -q" >&2\nexit 1\n'
_JETSON_CLOCKS = """\
[ "$(id -u)" = 0 ] || { echo "Error: please run as root" >&2; exit 1; }
[ "$1" = --show ] && exec cat "$SAYS/jetson_clocks"
echo "usage: jetson_clocks --show" >&2
exit 1
"""


def root() -> Root:
    """The tools of the board, its release file, and the mark of a stand-in."""
    tools = {"tegrastats": _TEGRASTATS, "nvpmodel": _NVPMODEL, "jetson_clocks": _JETSON_CLOCKS}
    files = {f"/usr/bin/{name}": script(text) for name, text in tools.items()}
    return Root(files={**files, "/etc/nv_tegra_release": File(_RELEASE), **mark(NAME)})


def board() -> dict[str, File]:
    """All that its hardware shows."""
    return {
        "/proc/cpuinfo": File(cpuinfo(_CLUSTERS, _FEATURES)),
        f"{_TREE}/model": File(f"{NAME}\0"),
        f"{_TREE}/compatible": File("".join(f"{name}\0" for name in _COMPATIBLE)),
        **cpufreq(_CLUSTERS, governor="schedutil", governors=_GOVERNORS),
        **thermal.zones(ZONES),
        **thermal.cooling(0, "cpufreq-cpu0", levels=15),
        **ina3221(RAILS),
        f"{SAYS}/tegrastats": File(tegrastats(RAILS, ZONES)),
        f"{SAYS}/nvpmodel": File("NV Power Mode: 25W\n1\n"),
        f"{SAYS}/jetson_clocks": File(_clocks()),
    }


def ina3221(rails: dict[str, tuple[int, int]]) -> dict[str, File]:
    """The monitor's three channels. in4..in6 are the shunts' voltages; nothing else is in microvolts or so."""
    files = {f"{HWMON}/name": File("ina3221\n")}
    for number, (rail, (millivolts, milliamperes)) in enumerate(rails.items(), 1):
        files[f"{HWMON}/in{number}_label"] = File(f"{rail}\n")
        files[f"{HWMON}/in{number}_input"] = File(f"{millivolts}\n")
        files[f"{HWMON}/curr{number}_input"] = File(f"{milliamperes}\n")
        # 5 mohm shunts.
        files[f"{HWMON}/in{number + 3}_input"] = File(f"{milliamperes * 5 // 1000}\n")
    return files


def tegrastats(rails: dict[str, tuple[int, int]], zones: dict[str, float]) -> str:
    """A line of tegrastats as JetPack 6 prints it for a plain user, without its date."""
    cores = ",".join("2%@1728" for cluster in _CLUSTERS for _ in range(cluster.cores))
    temperatures = " ".join(f"{name.removesuffix('-thermal')}@{celsius:g}C" for name, celsius in zones.items())
    watts = {rail: round(millivolts * milliamperes / 1000) for rail, (millivolts, milliamperes) in rails.items()}
    power = " ".join(f"{rail} {mw}mW/{mw}mW" for rail, mw in watts.items())
    return (
        f"RAM 2214/7620MB (lfb 21x4MB) SWAP 0/3810MB (cached 0MB) CPU [{cores}] GR3D_FREQ 0% {temperatures} {power}\n"
    )


def _clocks() -> str:
    lines = ["SOC family:tegra234  Machine:NVIDIA Jetson Orin Nano Developer Kit", "Online CPUs: 0-5"]
    for cpu in range(sum(cluster.cores for cluster in _CLUSTERS)):
        clock = "MinFreq=729600 MaxFreq=1728000 CurrentFreq=1728000"
        lines.append(f"cpu{cpu}: Online=1 Governor=schedutil {clock} IdleStates: WFI=1 c7=1 ")
    lines.append("GPU MinFreq=306000000 MaxFreq=624750000 CurrentFreq=306000000")
    lines.append("EMC MinFreq=204000000 MaxFreq=2133000000 CurrentFreq=2133000000 FreqOverride=0")
    lines.append("FAN Dynamic Speed control=nvfancontrol hwmon0_pwm1=61")
    lines.append("NV Power Mode: 25W")
    return "\n".join(lines) + "\n"
