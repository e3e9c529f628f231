"""Devices as they show themselves, one for each shipped profile: formats as documented, values of our own choice.

Formats: arch/arm64/kernel/cpuinfo.c; Linux cpufreq and devicetree in sysfs; getprop of Android's toybox. Model numbers,
device tree names and part numbers are the makers' (each profile names its source); clocks are near theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents import sysfs
from agents.device_facts import DeviceProbe, DeviceState
from agents.probe import android, cpu, machine
from agents.probe.raspberry import parse_cpuinfo_revision
from tests.agents.tree import lay

TREE = "sys/firmware/devicetree/base"


@dataclass(frozen=True)
class Shown:
    """``cores``: (how many, implementer/part, top clock in kHz) in the order of their numbers."""

    cores: Sequence[tuple[int, str, int]]
    memory_kb: int
    model: str = ""
    compatible: Sequence[str] = ()
    properties: dict[str, str] = field(default_factory=dict)
    below_cores: str = ""
    machine: str = "aarch64"
    cpu_name: str = ""
    online: int | None = None


def probe_of(shown: Shown, folder: Path) -> DeviceProbe:
    """What the agent's own parsers make of it. ``online``: cores that the kernel shows; None: all."""
    parts = [(part, khz) for count, part, khz in shown.cores for _ in range(count)][: shown.online]
    files = {f"sys/devices/system/cpu/cpu{n}/cpufreq/cpuinfo_max_freq": f"{khz}\n" for n, (_, khz) in enumerate(parts)}
    files["proc/cpuinfo"] = "".join(_block(n, part, shown) for n, (part, _) in enumerate(parts)) + shown.below_cores
    files["proc/meminfo"] = f"MemTotal:       {shown.memory_kb} kB\n"
    if shown.model:
        files[f"{TREE}/model"] = shown.model + "\0"
    if shown.compatible:
        files[f"{TREE}/compatible"] = "".join(name + "\0" for name in shown.compatible)
    if not shown.properties:
        files["etc/os-release"] = 'PRETTY_NAME="Some Linux 12"\n'
    root = lay(folder, files)
    properties = android.parse_getprop("".join(f"[{k}]: [{v}]\n" for k, v in shown.properties.items()))
    cpuinfo = sysfs.read_text(root, "proc/cpuinfo") or ""
    return DeviceProbe(
        model=machine.model(root, properties, cpuinfo),
        soc=machine.soc(root, properties, cpuinfo),
        machine=shown.machine,
        cores=cpu.cores(root, cpuinfo),
        memory_bytes=sysfs.meminfo_bytes(root)["MemTotal"],
        os=machine.os_name(root, properties),
        kernel="6.6.0",
        python="3.11.2",
        numpy="1.26.4",
        libc=None,
        context="ssh",
        runtimes=(),
        sensors=(),
        state=DeviceState(),
        manufacturer=machine.manufacturer(root, properties),
        compatible=machine.compatible(root),
        revision=parse_cpuinfo_revision(cpuinfo),
        build=android.build(properties),
    )


def _block(number: int, part: str, shown: Shown) -> str:
    if shown.cpu_name:
        return f"processor\t: {number}\nvendor_id\t: SomeVendor\nmodel name\t: {shown.cpu_name}\n\n"
    implementer, _, code = part.partition("/")
    return (
        f"processor\t: {number}\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: {implementer}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {code}\nCPU revision\t: 1\n\n"
    )


def pi(model: str, soc: str, tree: str, code: str, part: str, mhz: int, memory_mib: int) -> Shown:
    below = f"Revision\t: {code}\nSerial\t\t: 0000000000000000\nModel\t\t: {model}\n"
    names = (f"raspberrypi,{tree}", f"brcm,{soc}")
    return Shown([(4, part, mhz * 1000)], memory_mib * 1024, model, names, below_cores=below)


def jetson(model: str, names: Sequence[str], part: str, cores: int, mhz: int, gib: float) -> Shown:
    return Shown([(cores, part, mhz * 1000)], round(gib * 0.95 * 2**20), model, names)


def phone(maker: str, model: str, soc: tuple[str, str], cores: Sequence[tuple[int, str, int]], gib: float) -> Shown:
    properties = {
        "ro.build.fingerprint": f"maker/{model}:14/AAAA.000000.000/1:user/release-keys",
        "ro.build.version.release": "14",
        "ro.build.version.sdk": "34",
        "ro.product.manufacturer": maker,
        "ro.product.model": model,
        "ro.soc.manufacturer": soc[0],
        "ro.soc.model": soc[1],
    }
    return Shown([(n, part, mhz * 1000) for n, part, mhz in cores], round(gib * 0.93 * 2**20), properties=properties)


A53, A55, A57, A72, A76 = "0x41/0xd03", "0x41/0xd05", "0x41/0xd07", "0x41/0xd08", "0x41/0xd0b"
A78, A78AE, X1, CARMEL, ORYON = "0x41/0xd41", "0x41/0xd42", "0x41/0xd44", "0x4e/0x004", "0x51/0x001"
A510, A710, X2, A715, X3 = "0x41/0xd46", "0x41/0xd47", "0x41/0xd48", "0x41/0xd4d", "0x41/0xd4e"
A520, A720, X4 = "0x41/0xd80", "0x41/0xd81", "0x41/0xd82"

TENSOR_1 = [(4, A55, 1803), (2, A76, 2253), (2, X1, 2802)]
TENSOR_2 = [(4, A55, 1803), (2, A78, 2348), (2, X1, 2850)]
TENSOR_3 = [(4, A510, 1704), (4, A715, 2367), (1, X3, 2914)]
TENSOR_4 = [(4, A520, 1950), (3, A720, 2600), (1, X4, 3105)]
ORIN_NANO = "NVIDIA Jetson Orin Nano Developer Kit"
S22, S24 = [(4, A510, 1800), (3, A710, 2515), (1, X2, 2803)], [(4, A520, 1950), (3, A720, 2600), (2, A720, 2900)]

KINDS = {
    "raspberry-pi-3": pi("Raspberry Pi 3 Model B Rev 1.2", "bcm2837", "3-model-b", "a02082", A53, 1200, 921),
    "raspberry-pi-3-plus": pi(
        "Raspberry Pi 3 Model B Plus Rev 1.3", "bcm2837", "3-model-b-plus", "a020d3", A53, 1400, 921
    ),
    "raspberry-pi-zero-2": pi("Raspberry Pi Zero 2 W Rev 1.0", "bcm2837", "model-zero-2-w", "902120", A53, 1000, 416),
    "raspberry-pi-4": pi("Raspberry Pi 4 Model B Rev 1.4", "bcm2711", "4-model-b", "c03114", A72, 1800, 3790),
    "raspberry-pi-5": pi("Raspberry Pi 5 Model B Rev 1.0", "bcm2712", "5-model-b", "d04170", A76, 2400, 8062),
    "generic-raspberry-pi": pi(
        "Raspberry Pi Compute Module 4 Rev 1.1", "bcm2711", "4-compute-module", "c03141", A72, 1500, 3790
    ),
    "jetson-nano": jetson(
        "NVIDIA Jetson Nano Developer Kit",
        ("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"),
        A57,
        4,
        1479,
        4,
    ),
    "jetson-xavier-nx": jetson(
        "NVIDIA Jetson Xavier NX Developer Kit",
        ("nvidia,p3449-0000+p3668-0001", "nvidia,p3509-0000+p3668-0001", "nvidia,tegra194"),
        CARMEL,
        6,
        1907,
        8,
    ),
    "jetson-orin-nano": jetson(
        ORIN_NANO, ("nvidia,p3768-0000+p3767-0005-super", "nvidia,p3767-0005", "nvidia,tegra234"), A78AE, 6, 1728, 8
    ),
    "jetson-orin-nano-4gb": jetson(
        ORIN_NANO, ("nvidia,p3768-0000+p3767-0004", "nvidia,p3767-0004", "nvidia,tegra234"), A78AE, 6, 1728, 4
    ),
    # On the Nano's carrier the name of the kit is the Nano's: only the module's number tells.
    "jetson-orin-nx": jetson(
        ORIN_NANO, ("nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"), A78AE, 8, 1984, 16
    ),
    "jetson-orin-nx-8gb": jetson(
        ORIN_NANO, ("nvidia,p3768-0000+p3767-0001", "nvidia,p3767-0001", "nvidia,tegra234"), A78AE, 6, 1984, 8
    ),
    "jetson-agx-orin": jetson(
        "NVIDIA Jetson AGX Orin Developer Kit",
        ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234", "nvidia,tegra23x"),
        A78AE,
        12,
        2201,
        64,
    ),
    "jetson-agx-orin-32gb": jetson(
        "NVIDIA Jetson AGX Orin",
        ("nvidia,p3737-0000+p3701-0004", "nvidia,p3701-0004", "nvidia,tegra234"),
        A78AE,
        8,
        2188,
        32,
    ),
    "generic-jetson": jetson("Jetson-AGX", ("nvidia,p2972-0000", "nvidia,tegra194"), CARMEL, 8, 2265, 32),
    "pixel-6": phone("Google", "Pixel 6", ("Google", "Tensor"), TENSOR_1, 8),
    "pixel-6-pro": phone("Google", "Pixel 6 Pro", ("Google", "Tensor"), TENSOR_1, 12),
    "pixel-7": phone("Google", "Pixel 7", ("Google", "GS201"), TENSOR_2, 8),
    "pixel-7-pro": phone("Google", "Pixel 7 Pro", ("Google", "GS201"), TENSOR_2, 12),
    "pixel-8": phone("Google", "Pixel 8", ("Google", "Tensor G3"), TENSOR_3, 8),
    "pixel-8-pro": phone("Google", "Pixel 8 Pro", ("Google", "Tensor G3"), TENSOR_3, 12),
    "pixel-9": phone("Google", "Pixel 9", ("Google", "Tensor G4"), TENSOR_4, 12),
    "pixel-9-pro": phone("Google", "Pixel 9 Pro XL", ("Google", "Tensor G4"), TENSOR_4, 16),
    "galaxy-s22-exynos": phone("samsung", "SM-S901B", ("Samsung", "s5e9925"), S22, 8),
    "galaxy-s22-snapdragon": phone(
        "samsung", "SM-S908U1", ("QTI", "SM8450"), [(4, A510, 1785), (3, A710, 2496), (1, X2, 2995)], 12
    ),
    "galaxy-s23": phone(
        "samsung", "SM-S911B", ("QTI", "SM8550"), [(3, A510, 2016), (2, A715, 2803), (2, A710, 2803), (1, X3, 3360)], 8
    ),
    "galaxy-s24-exynos": phone("samsung", "SM-S921B", ("Samsung", "s5e9945"), [*S24, (1, X4, 3207)], 8),
    "galaxy-s24-snapdragon": phone(
        "samsung", "SM-S921U", ("QTI", "SM8650"), [(2, A520, 2265), (3, A720, 3148), (2, A720, 2956), (1, X4, 3398)], 8
    ),
    "galaxy-s25": phone("samsung", "SM-S938B", ("QTI", "SM8750"), [(6, ORYON, 3532), (2, ORYON, 4473)], 12),
    "moto-g75": phone("motorola", "moto g75 5G", ("QTI", "SM6475"), [(4, A55, 1804), (4, A78, 2400)], 8),
    "galaxy-a54": phone("samsung", "SM-A546B", ("Samsung", "s5e8835"), [(4, A55, 2002), (4, A78, 2400)], 8),
    "galaxy-a15": phone("samsung", "SM-A155F", ("Mediatek", "MT6789V/CD"), [(6, A55, 2000), (2, A76, 2200)], 4),
    "generic-android-qualcomm": phone("maker", "Some Phone", ("QTI", "SM7000"), [(4, A55, 1804), (4, A78, 2400)], 8),
    "generic-android": phone("maker", "Some Phone", ("Mediatek", "MT6000"), [(6, A55, 2000), (2, A76, 2200)], 8),
    "generic-aarch64": Shown([(4, A76, 2_256_000)], 7_900_000, "Some Board", ("maker,board", "maker,chip")),
    "generic-x86_64": Shown([(4, "", 3_000_000)], 16_000_000, machine="x86_64", cpu_name="Some CPU @ 3.00GHz"),
}
