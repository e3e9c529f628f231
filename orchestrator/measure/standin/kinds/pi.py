"""Raspberry Pi: device tree, cores, thermal zone, and vcgencmd.

Formats: raspberrypi.com documentation, "vcgencmd" and "Raspberry Pi revision codes"; the rails of pmic_read_adc are
those that the firmware of a Raspberry Pi 5 names (its indices are in no order). The values are ours.
"""

from dataclasses import dataclass

from orchestrator.measure.standin.kinds import thermal
from orchestrator.measure.standin.kinds.arm_cpu import Cluster, cpufreq, cpuinfo
from orchestrator.measure.standin.kinds.tools import SAYS, mark, script
from orchestrator.measure.standin.rootfs import File, Root, programs

_TREE = "/sys/firmware/devicetree/base"
_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
_NO_CRYPTO = "fp asimd evtstrm crc32 cpuid"
_GOVERNORS = "conservative ondemand userspace powersave performance schedutil"
# name: (amperes, index, volts, index)
_RAILS = {
    "3V7_WL_SW": (0.0814, 0, 3.7012, 8),
    "3V3_SYS": (0.0512, 1, 3.3021, 9),
    "1V8_SYS": (0.1201, 2, 1.8011, 10),
    "DDR_VDD2": (0.0091, 3, 1.1102, 11),
    "DDR_VDDQ": (0.0003, 4, 0.6051, 12),
    "1V1_SYS": (0.1801, 5, 1.1021, 13),
    "0V8_SW": (0.3402, 6, 0.8031, 14),
    "VDD_CORE": (1.2503, 7, 0.8124, 15),
    "3V3_DAC": (0.0012, 17, 3.3051, 20),
    "3V3_ADC": (0.0014, 18, 3.2981, 21),
    "0V8_AON": (0.0051, 16, 0.8002, 19),
    "HDMI": (0.0171, 22, 5.1161, 23),
}


@dataclass(frozen=True)
class PiModel:
    """``clock_index``: what measure_clock arm puts into parentheses."""

    name: str
    compatible: tuple[str, ...]
    revision: str
    cluster: Cluster
    clock_index: int
    features: str
    has_pmic: bool


PI_5 = PiModel(
    "Raspberry Pi 5 Model B Rev 1.0",
    ("raspberrypi,5-model-b", "brcm,bcm2712"),
    "d04170",
    Cluster(4, 0xD0B, 4, 1, 1_500_000, 2_400_000),
    clock_index=0,
    features=_FEATURES,
    has_pmic=True,
)
PI_4 = PiModel(
    "Raspberry Pi 4 Model B Rev 1.5",
    ("raspberrypi,4-model-b", "brcm,bcm2711"),
    "c03115",
    Cluster(4, 0xD08, 0, 3, 600_000, 1_800_000),
    clock_index=48,
    features=_NO_CRYPTO,
    has_pmic=False,
)

_VCGENCMD = """\
case "$1" in
measure_clock) file="$SAYS/vcgencmd/measure_clock_$2" ;;
*) file="$SAYS/vcgencmd/$1" ;;
esac
[ -n "$1" ] && [ -f "$file" ] && exec cat "$file"
echo 'error=1 error_msg="Command not registered"'
exit 255
"""


def root(model: PiModel) -> Root:
    """The tools of the board, and the mark of a stand-in."""
    return programs({"vcgencmd": script(_VCGENCMD)}) + Root(files=mark(model.name))


def board(model: PiModel, *, celsius: float = 46.3) -> dict[str, File]:
    """All that its hardware shows."""
    clusters = (model.cluster,)
    tail = f"Revision\t: {model.revision}\nSerial\t\t: 0000000000000000\nModel\t\t: {model.name}\n"
    files = {
        "/proc/cpuinfo": File(cpuinfo(clusters, model.features, tail)),
        f"{_TREE}/model": File(f"{model.name}\0"),
        f"{_TREE}/compatible": File("".join(f"{name}\0" for name in model.compatible)),
        **cpufreq(clusters, governor="ondemand", governors=_GOVERNORS),
        **thermal.zones({"cpu-thermal": celsius}),
        **thermal.cooling(0, "cpufreq-cpu0", levels=4),
        **says("get_throttled", throttled(0)),
        **says("measure_temp", temperature(celsius)),
        **says("measure_clock_arm", f"frequency({model.clock_index})={model.cluster.most_khz * 1000}\n"),
        **says("measure_volts", "volt=0.8124V\n"),
    }
    return files | (says("pmic_read_adc", pmic_read_adc()) if model.has_pmic else {})


def says(verb: str, text: str) -> dict[str, File]:
    """What ``vcgencmd VERB`` prints."""
    return {f"{SAYS}/vcgencmd/{verb}": File(text)}


def throttled(bits: int) -> str:
    """``vcgencmd get_throttled``; bits 0-3 now, 16-19 the same since boot."""
    return f"throttled={bits:#x}\n"


def temperature(celsius: float) -> str:
    return f"temp={celsius:.1f}'C\n"


def pmic_read_adc(core_amperes: float | None = None) -> str:
    """All currents, then all voltages, the 5 V input and the clock's battery last; they have no current."""
    rails = dict(_RAILS)
    if core_amperes is not None:
        rails["VDD_CORE"] = (core_amperes, *_RAILS["VDD_CORE"][1:])
    lines = [f"{name + '_A':>11} current({index})={amperes:.8f}A" for name, (amperes, index, _, _) in rails.items()]
    lines += [f"{name + '_V':>11} volt({index})={volts:.8f}V" for name, (_, _, volts, index) in rails.items()]
    lines += [f"{'EXT5V_V':>11} volt(24)=5.10210000V", f"{'BATT_V':>11} volt(25)=0.01210000V"]
    return "\n".join(lines) + "\n"
