"""Every error that Earshot raises on purpose.

EarshotError                 a message for a person: what was wrong, where, what to do next
|-- BadInput                 a file, flag or setting that the user gave
|   |-- BadModel             a model file or graph
|   |-- NotAStream           a graph whose state cannot be found or does not fit
|   |-- BadAudio             an audio file or evaluation set
|   `-- BadRecipe            a recipe that does not parse or does not fit the model
|-- ExportFailed             an exporter's refusal, with the exporter's own message
|   `-- ParityFailed         an artifact that does not equal its source
|-- DeviceError              a device or the way to it
|   |-- Unreachable          no route, refused, timed out, or lost
|   |-- HostKeyRefused       unknown or changed host key
|   |-- LoginRefused         wrong key or user
|   |-- CommandFailed        a command on the device; carries argv, exit code and the tail of stderr
|   |-- WrongDevice          another device than the lab file or the ledger means
|   |-- DeviceNotReady       no Python, no numpy, no runtime, no room
|   |-- SessionFailed        a session that the agent could not finish
|   |-- DeviceHeld           somebody else has it; carries who
|   |-- LeaseLost            it was given to somebody else while we worked
|   `-- DeviceQuarantined    it failed too often and is passed over
|-- LedgerError              the ledger cannot be opened or written
|   |-- LedgerAway           its database cannot be reached, or takes nothing just now: the same may go well later
|   `-- StoreError           files that travel: their store cannot be reached, or has not what it should
|-- Infeasible               no candidate meets the constraints
|-- Incomparable             two results were not measured alike; carries the fields
`-- MonitoringError          a Prometheus or Grafana that cannot be reached, or does not take what it is told

Third-party errors are mapped to these where they enter, ``from exc``. Only the cli turns them into exit codes.
"""

from collections.abc import Sequence


class EarshotError(Exception):
    """Root. ``hint`` is the next step; the cli prints it on a line of its own."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(EarshotError):
    exit_code = 2


class BadModel(BadInput):
    pass


class NotAStream(BadModel):
    pass


class BadAudio(BadInput):
    pass


class BadRecipe(BadInput):
    pass


class ExportFailed(EarshotError):
    exit_code = 4


class ParityFailed(ExportFailed):
    pass


class DeviceError(EarshotError):
    exit_code = 5


class Unreachable(DeviceError):
    pass


class HostKeyRefused(DeviceError):
    pass


class LoginRefused(DeviceError):
    pass


class CommandFailed(DeviceError):
    """``argv`` as it was sent, ``exit_code_remote`` (None: ended by a signal or a lost link), the end of stderr."""

    def __init__(
        self,
        message: str,
        *,
        argv: Sequence[str],
        exit_code_remote: int | None,
        stderr_tail: str,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.argv = tuple(argv)
        self.exit_code_remote = exit_code_remote
        self.stderr_tail = stderr_tail


class WrongDevice(DeviceError):
    pass


class DeviceNotReady(DeviceError):
    pass


class SessionFailed(DeviceError):
    """``failure`` is one of ``agents.wire.FAILURES``."""

    def __init__(self, message: str, *, failure: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.failure = failure


class DeviceHeld(DeviceError):
    """``expires_in_s``: when it will be free at the latest unless its holder is heard of again."""

    def __init__(self, message: str, *, expires_in_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.expires_in_s = expires_in_s


class LeaseLost(DeviceError):
    pass


class DeviceQuarantined(DeviceError):
    pass


class LedgerError(EarshotError):
    exit_code = 6


class LedgerAway(LedgerError):
    pass


class StoreError(LedgerError):
    pass


class Infeasible(EarshotError):
    exit_code = 7


class Incomparable(EarshotError):
    """``fields``: name, and what the one and the other had."""

    exit_code = 8

    def __init__(self, message: str, *, fields: Sequence[tuple[str, str, str]], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fields = tuple(fields)


class MonitoringError(EarshotError):
    """``passing``: the server is away; the same may go well later."""

    exit_code = 11

    def __init__(self, message: str, *, passing: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.passing = passing
