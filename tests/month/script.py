"""What happens in the month. Nights are counted from 0; the last one is yesterday's."""

from dataclasses import dataclass

from tests.simulator.power import Draw
from tests.simulator.thermal import Cooling

PLAN = "lab"
NIGHTS = 30
DIGITS, REFERENCE = "digits", "beacon"
FP32, INT8 = "onnx:fp32", "onnx:int8-dynamic"
# Service time of a warm chunk of 20 ms on a device with slowness 1.
MEDIAN_MS = {(DIGITS, FP32): 3.2, (DIGITS, INT8): 2.0, (REFERENCE, FP32): 2.6}
SIZE_BYTES = {(DIGITS, FP32): 3_400_000, (DIGITS, INT8): 950_000, (REFERENCE, FP32): 1_800_000}

# A model commit that costs 7 %, and the one that more than takes it back.
REGRESSED_AT, FIXED_AT = 11, 27
COMMITS = ("3f1a9c2d", "b4d0e77a", "9ee21f05")
COST_OF = {"3f1a9c2d": 1.0, "b4d0e77a": 1.07, "9ee21f05": 0.94}
# Dust in a fan: this board becomes slower by a part of its speed each night, until somebody cleans it.
DUSTY, DUST_FROM, DUST_PER_NIGHT, CLEANED_AT = "pi5-b", 14, 0.015, 23
# The room's cooling fails: phones without a fan throttle, boards do not.
HOT, HOT_AMBIENT_C, AMBIENT_C = range(17, 24), 46.0, 24.0
# A phone whose cable was pulled.
UNPLUGGED, UNPLUGGED_AT = "pixel-8-b", 8


@dataclass(frozen=True)
class Unit:
    """One device. ``slowness``: of a chunk, against the table above."""

    name: str
    model: str
    slowness: float
    cooling: Cooling
    draw: Draw


def _phone(name: str, model: str, slowness: float) -> Unit:
    return Unit(name, model, slowness, Cooling(resistance_c_per_w=20.0, time_constant_s=90.0), Draw(1.6, 3.5))


def _board(name: str, model: str, slowness: float) -> Unit:
    return Unit(name, model, slowness, Cooling(resistance_c_per_w=7.0), Draw(2.7, 4.5))


UNITS = (
    _board("pi5-a", "Raspberry Pi 5", 1.3),
    _board("pi5-b", "Raspberry Pi 5", 1.32),
    _board("orin-a", "Jetson Orin Nano", 1.0),
    _board("orin-b", "Jetson Orin Nano", 1.01),
    _phone("pixel-8-a", "Pixel 8", 0.7),
    _phone("pixel-8-b", "Pixel 8", 0.71),
    _phone("galaxy-s23-a", "Galaxy S23", 0.6),
    _phone("galaxy-s23-b", "Galaxy S23", 0.6),
)


def commit_of(night: int) -> str:
    return COMMITS[(night >= REGRESSED_AT) + (night >= FIXED_AT)]


def slowness_of(unit: Unit, night: int) -> float:
    """Of the device that night, whatever runs on it."""
    dust = unit.name == DUSTY and DUST_FROM <= night < CLEANED_AT
    return unit.slowness * (1.0 + (DUST_PER_NIGHT * (night - DUST_FROM + 1) if dust else 0.0))


def ambient_c(night: int) -> float:
    return HOT_AMBIENT_C if night in HOT else AMBIENT_C
