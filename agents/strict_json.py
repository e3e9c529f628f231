"""Frozen dataclasses <-> JSON, refusing unknown keys, missing keys and wrong types.

One converter for everything that crosses the wire or lies beside an artifact. It reads the type hints of a
dataclass, so a class needs no code of its own to travel.
"""

import dataclasses
import functools
import types
import typing
from typing import Any, Dict, Type, TypeVar

T = TypeVar("T")


# ``X | None`` has an origin of its own from Python 3.10 on.
_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


class MalformedJson(ValueError):
    """JSON that does not fit the class it should become; the message names the path and the value."""


@functools.cache
def _hints(cls: type) -> Dict[str, Any]:
    return typing.get_type_hints(cls)


def to_json(value: Any) -> Any:
    """Dataclass, mapping, sequence or scalar to plain JSON values; tuples become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    return value


def from_json(cls: Type[T], data: Any, where: str = "") -> T:
    """JSON values to the dataclass ``cls``. Raises MalformedJson with the path of the first fault."""
    where = where or cls.__name__
    if not isinstance(data, dict):
        raise MalformedJson(f"{where} must be an object, got {data!r}")
    hints = _hints(typing.cast(type, cls))
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls))}
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise MalformedJson(f"{where} has unknown keys {unknown}; known are {sorted(fields)}")
    missing = [
        name
        for name, f in fields.items()
        if name not in data and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise MalformedJson(f"{where} lacks {missing}")
    try:
        return cls(**{k: _convert(hints[k], v, f"{where}.{k}") for k, v in data.items()})
    except MalformedJson:
        raise
    except ValueError as exc:
        raise MalformedJson(f"{where}: {exc}") from exc


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if hint is Any:
        return value
    if origin in _UNIONS:
        if value is None and type(None) in arguments:
            return None
        (inner,) = [a for a in arguments if a is not type(None)]
        return _convert(inner, value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise MalformedJson(f"{where} must be a list, got {value!r}")
        return tuple(_convert(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise MalformedJson(f"{where} must be an object, got {value!r}")
        return {k: _convert(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(type, hint), value, where)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise MalformedJson(f"{where} must be {hint.__name__}, got {value!r}")
    return value
