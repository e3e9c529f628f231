"""Android phones: cores, battery in sysfs, and what getprop, dumpsys and termux-battery-status say.

Formats: Linux Documentation/ABI/testing/sysfs-class-power (uV, uA, tenths of a degree); AOSP BatteryService.dump and
ThermalManagerService.dump; termux-api's BatteryStatusAPI. The values are ours.
"""

import json
from dataclasses import dataclass

from orchestrator.measure.standin.kinds import thermal
from orchestrator.measure.standin.kinds.arm_cpu import Cluster, cpufreq, cpuinfo
from orchestrator.measure.standin.rootfs import File

BATTERY = "/sys/class/power_supply/battery"
ZONES = {"BIG": 38.0, "MID": 37.0, "LITTLE": 36.0, "battery": 29.4}
STATUSES = ("Charging", "Discharging", "Not charging", "Full")
_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
_GOVERNORS = "performance powersave schedutil"


@dataclass(frozen=True)
class PhoneModel:
    """``app_uid``: of Termux there; Android gives each app one from 10000 on."""

    name: str
    properties: dict[str, str]
    clusters: tuple[Cluster, ...]
    app_uid: int


PIXEL_8 = PhoneModel(
    "Pixel 8",
    {
        "ro.product.manufacturer": "Google",
        "ro.product.model": "Pixel 8",
        "ro.product.device": "shiba",
        "ro.build.version.sdk": "34",
        "ro.build.version.release": "14",
        "ro.build.fingerprint": "google/shiba/shiba:14/STANDIN/0:user/release-keys",
        "ro.soc.manufacturer": "Google",
        "ro.soc.model": "Tensor G3",
        "ro.board.platform": "zuma",
        "ro.product.cpu.abi": "arm64-v8a",
    },
    (
        Cluster(4, 0xD46, 1, 1, 324_000, 1_704_000),
        Cluster(4, 0xD4D, 1, 0, 402_000, 2_367_000),
        Cluster(1, 0xD4E, 1, 0, 500_000, 2_914_000),
    ),
    app_uid=10_187,
)
GALAXY_A15 = PhoneModel(
    "Galaxy A15",
    {
        "ro.product.manufacturer": "samsung",
        "ro.product.model": "SM-A155F",
        "ro.product.device": "a15",
        "ro.build.version.sdk": "34",
        "ro.build.version.release": "14",
        "ro.build.fingerprint": "samsung/a15nsxx/a15:14/STANDIN/0:userdebug/test-keys",
        "ro.soc.manufacturer": "Mediatek",
        "ro.soc.model": "MT6789V/CD",
        "ro.board.platform": "mt6789",
        "ro.product.cpu.abi": "arm64-v8a",
    },
    (Cluster(6, 0xD05, 2, 0, 500_000, 2_000_000), Cluster(2, 0xD0B, 4, 1, 725_000, 2_200_000)),
    app_uid=10_241,
)


def board(model: PhoneModel) -> dict[str, File]:
    """All that its hardware shows; it runs from its battery."""
    return {
        "/proc/cpuinfo": File(cpuinfo(model.clusters, _FEATURES)),
        **cpufreq(model.clusters, governor="schedutil", governors=_GOVERNORS),
        **thermal.zones(ZONES),
        **{f"{BATTERY}/{name}": File(text) for name, text in battery().items()},
    }


def battery(*, status: str = "Discharging", microamperes: int = -412_000) -> dict[str, str]:
    """The supply's files by name. A Pixel's current is negative while it discharges."""
    fields = {
        "NAME": "battery",
        "STATUS": status,
        "HEALTH": "Good",
        "PRESENT": 1,
        "TECHNOLOGY": "Li-ion",
        "CAPACITY": 74,
        "CURRENT_NOW": microamperes,
        "VOLTAGE_NOW": 4_012_000,
        "TEMP": 294,
        "CHARGE_COUNTER": 3_270_000,
    }
    uevent = "".join(f"POWER_SUPPLY_{name}={value}\n" for name, value in fields.items())
    return {"type": "Battery\n", "status": f"{status}\n", "capacity": "74\n", "uevent": uevent}


def dumpsys() -> dict[str, str]:
    """What dumpsys prints, by service."""
    return {"battery": _BATTERY, "thermalservice": _THERMAL}


def termux_battery_status() -> str:
    values = {
        "health": "GOOD",
        "percentage": 74,
        "plugged": "UNPLUGGED",
        "status": "DISCHARGING",
        "temperature": 29.4,
        "current": -412,
    }
    return json.dumps(values, indent=2) + "\n"


# status 3: discharging; mV, tenths of a degree.
_BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: false
  Wireless powered: false
  Max charging current: 0
  Max charging voltage: 0
  Charge counter: 3270000
  status: 3
  health: 2
  present: true
  level: 74
  scale: 100
  voltage: 4012
  temperature: 294
  technology: Li-ion
"""
# What is cached is older than what the HAL says now; types as in android.hardware.thermal TemperatureType.
_THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 3
\tkilled: false
\tbroadcasts count: -1
ThermalStatusListeners:
\tcallbacks: 1
\tkilled: false
\tbroadcasts count: -1
Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=52.0, mType=0, mName=BIG, mStatus=0}
\tTemperature{mValue=31.2, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=38.0, mType=0, mName=BIG, mStatus=0}
\tTemperature{mValue=37.0, mType=0, mName=MID, mStatus=0}
\tTemperature{mValue=36.0, mType=0, mName=LITTLE, mStatus=0}
\tTemperature{mValue=35.0, mType=1, mName=G3D, mStatus=0}
\tTemperature{mValue=30.6, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
\tTemperature{mValue=29.4, mType=2, mName=battery, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
"""
