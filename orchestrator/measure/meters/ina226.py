"""INA226 current monitor on an I2C bus of the controller. Registers: Texas Instruments datasheet SBOS547."""

from dataclasses import dataclass

from orchestrator.measure.meters.base import Channel, Meter, MeterOptions, plausible_w
from orchestrator.measure.meters.i2c import I2cRegisters, Registers

_CONFIGURATION, _SHUNT, _BUS, _MAKER, _DIE = 0x00, 0x01, 0x02, 0xFE, 0xFF
_TEXAS_INSTRUMENTS, _INA226 = 0x5449, 0x2260
# 16 averages of 1.1 ms for each of both, continuously: a new pair every 35.2 ms (table 7 to 9, bit 14 reads as 1).
CONFIGURATION = 0x4527
_PERIOD_S = 0.0352
_SHUNT_LSB_V, _BUS_LSB_V = 2.5e-6, 1.25e-3
_MOST_BUS_V = 36.0
# The converter's ends: what lies beyond is cut off there.
_CLIPPED = (0x7FFF, -0x8000)
# Offset of the shunt's converter: at most 10 uV (datasheet, 7.5), read as a current at no load.
_OFFSET_V = 10e-6
_MOST_W = 36.0 * 100.0
POWER, VOLTAGE = "ina226", "ina226-voltage"


@dataclass(frozen=True, kw_only=True)
class Ina226Options(MeterOptions):
    """``shunt_ohm``: the shunt on the board, often 0.1 or 0.002. ``bus``: N of /dev/i2c-N. ``address``: 0x40..0x4f."""

    shunt_ohm: float
    bus: int = 1
    address: int = 0x40

    def check(self) -> None:
        if not 0.0001 <= self.shunt_ohm <= 10:
            raise ValueError(f"shunt_ohm must be in 0.0001..10, got {self.shunt_ohm}")
        if not 0 <= self.bus < 256:
            raise ValueError(f"bus must be in 0..255, got {self.bus}")
        if not 0x40 <= self.address <= 0x4F:
            raise ValueError(f"address must be in 0x40..0x4f, got {self.address:#x}")

    @property
    def interval_s(self) -> float:
        return _PERIOD_S

    @property
    def source(self) -> str:
        return f"INA226 on /dev/i2c-{self.bus} at {self.address:#x}, shunt {self.shunt_ohm:g} ohm"

    def channels(self) -> tuple[Channel, ...]:
        scope = self.scope or "board"
        return Channel(POWER, "power_w", scope), Channel(VOLTAGE, "voltage_v", scope)

    def open(self) -> Meter:
        return Ina226(I2cRegisters(self.bus, self.address), self.shunt_ohm)


def shunt_v(raw: int) -> float:
    """Volts across the shunt from register 0x01 (two's complement). Raises ValueError at the converter's ends."""
    signed = raw - 0x10000 if raw & 0x8000 else raw
    if signed in _CLIPPED:
        raise ValueError("the current is beyond what this shunt lets an INA226 measure (81.92 mV): use a smaller one")
    return signed * _SHUNT_LSB_V


def bus_v(raw: int) -> float:
    """Volts of the supply from register 0x02. Raises ValueError for more than the chip stands."""
    volts = raw * _BUS_LSB_V
    if raw & 0x8000 or volts > _MOST_BUS_V:
        raise ValueError(f"an INA226 measures up to {_MOST_BUS_V:g} V, got {volts:g}")
    return volts


def power_w(shunt_raw: int, bus_raw: int, shunt_ohm: float) -> float:
    """From both registers; an offset at no load is zero. Raises ValueError, also for a current that flows backwards."""
    drop_v = shunt_v(shunt_raw)
    if -_OFFSET_V <= drop_v < 0:
        drop_v = 0.0
    return plausible_w(drop_v / shunt_ohm * bus_v(bus_raw), _MOST_W)


class Ina226:
    """Raises ValueError where another chip sits at the address."""

    def __init__(self, registers: Registers, shunt_ohm: float) -> None:
        self._registers, self._shunt_ohm = registers, shunt_ohm
        try:
            found = registers.read(_MAKER), registers.read(_DIE)
            if found != (_TEXAS_INSTRUMENTS, _INA226):
                raise ValueError(f"no INA226: it says maker {found[0]:#06x} and die {found[1]:#06x}")
            registers.write(_CONFIGURATION, CONFIGURATION)
        except BaseException:
            registers.close()
            raise

    def read(self) -> dict[str, float]:
        shunt, bus = self._registers.read(_SHUNT), self._registers.read(_BUS)
        return {POWER: power_w(shunt, bus, self._shunt_ohm), VOLTAGE: bus_v(bus)}

    def close(self) -> None:
        self._registers.close()
