"""Session and provider options as an axis of candidates: ``--option allow_spinning=0``, given again for each value."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agents.providers import CPU, NO_CPU_FALLBACK, PREFIX, provider_options
from orchestrator.domain.candidate import Candidate
from orchestrator.errors import BadInput

_RUNTIME = "onnxruntime"
_FORM = "write it as NAME=VALUE, or RUNTIME:NAME=VALUE for another runtime than onnxruntime"


@dataclass(frozen=True)
class SessionOption:
    """One value of one option of one runtime. Options of a provider begin with ``ep.``."""

    name: str
    value: str
    runtime: str = _RUNTIME

    @classmethod
    def parse(cls, text: str) -> "SessionOption":
        """Raises BadInput that shows the form."""
        name, equals, value = text.partition("=")
        runtime, colon, rest = name.rpartition(":")
        if not (equals and rest and value) or (colon and not runtime):
            raise BadInput(f"cannot read the option {text!r}", hint=_FORM)
        return cls(rest, value, runtime or _RUNTIME)

    def __str__(self) -> str:
        return f"{self.runtime}:{self.name}={self.value}"

    def fits(self, runtime: str, provider: str) -> bool:
        """Whether a candidate of this provider can be told it. A value that it does not take is left to ``checked``."""
        if runtime != self.runtime:
            return False
        if self.name == NO_CPU_FALLBACK:
            return provider != CPU
        return not self.name.startswith(PREFIX) or _has(provider, self)


def _has(provider: str, option: SessionOption) -> bool:
    try:
        provider_options(provider, {option.name: option.value})
    except ValueError:
        return False
    return True


def checked(options: Iterable[SessionOption], runtime: str, provider: str) -> dict[str, str]:
    """All of them, for one candidate. Raises BadInput for one that belongs to another runtime or provider, or is given
    twice.
    """
    found: dict[str, str] = {}
    for option in options:
        if option.runtime != runtime:
            raise BadInput(f"option {option} is not for {runtime}", hint=_FORM)
        if option.name in found:
            raise BadInput(f"option {option.name} is given twice", hint="a run has one value of each")
        found[option.name] = option.value
    try:
        provider_options(provider, found)
    except ValueError as exc:
        raise BadInput(str(exc), hint="docs/reference/providers.md has them all") from exc
    return found


def combinations(options: Iterable[SessionOption], runtime: str, provider: str) -> list[dict[str, str]]:
    """Every choice of values of the options that fit, each also left alone; first the one that says nothing."""
    values: dict[str, list[str]] = {}
    for option in options:
        if option.fits(runtime, provider):
            values.setdefault(option.name, []).append(option.value)
    choices = [[None, *dict.fromkeys(found)] for found in values.values()]
    return [
        {name: value for name, value in zip(values, picked, strict=True) if value is not None}
        for picked in itertools.product(*choices)
    ]


def with_options(candidates: Sequence[Candidate], options: Sequence[SessionOption]) -> list[Candidate]:
    """Each candidate as it is, and with every choice of the options that fit it. Raises BadInput for an option without
    any candidate.
    """
    for option in options:
        if not any(option.fits(c.runtime, c.provider) for c in candidates):
            providers = ", ".join(sorted({c.provider for c in candidates}))
            raise BadInput(
                f"option {option} fits no candidate: tried are {providers}", hint="docs/reference/providers.md has them"
            )
    return [
        replace(candidate, session_options=chosen)
        for candidate in candidates
        for chosen in combinations(options, candidate.runtime, candidate.provider)
    ]
