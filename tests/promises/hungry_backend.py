"""See tests/promises/hungry.py. Importing this takes memory too."""

from typing import Any

from agents import wire
from agents.backends.echo import EchoBackend
from tests.promises.hungry import take

take("import")


class HungryBackend(EchoBackend):
    """The stand-in for a runtime that takes memory while it loads, in its first run and in its first chunk."""

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Any = None) -> None:
        super().__init__(spec, model_path, profile_prefix)
        self._fed = False
        take("load")

    def first_run(self) -> None:
        take("first-run")

    def step(self) -> None:
        super().step()
        if not self._fed:
            self._fed = True
            take("steady")
