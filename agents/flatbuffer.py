"""Reads flatbuffers (flatbuffers.dev/internals) without their compiler: tables, vectors, strings."""

import struct
from typing import Any, List, Optional

# Format characters of struct by the names that schemas use.
_SCALARS = {"bool": "?", "byte": "b", "ubyte": "B", "int": "i", "uint": "I", "long": "q", "ulong": "Q", "double": "d"}


class Table:
    """A table at ``at`` of ``data``. What is outside of the data raises struct.error or ValueError."""

    def __init__(self, data: bytes, at: int) -> None:
        if at < 0:
            raise ValueError("an offset leads before the file")
        self._data, self._at = data, at
        self._vtable = at - _read(data, at, "i")

    def scalar(self, field: int, kind: str, default: Any = 0) -> Any:
        place = self._place(field)
        return default if place is None else _read(self._data, place, _SCALARS[kind])

    def table(self, field: int) -> Optional["Table"]:
        target = self._target(field)
        return None if target is None else Table(self._data, target)

    def text(self, field: int) -> str:
        target = self._target(field)
        return "" if target is None else bytes(self._items(target, 1)).decode(errors="replace")

    def tables(self, field: int) -> List["Table"]:
        target = self._target(field)
        if target is None:
            return []
        places = range(target + 4, target + 4 + 4 * self._count(target, 4), 4)
        return [Table(self._data, place + _read(self._data, place, "I")) for place in places]

    def scalars(self, field: int, kind: str) -> List[Any]:
        target = self._target(field)
        if target is None:
            return []
        item = struct.Struct("<" + _SCALARS[kind])
        return [value for (value,) in item.iter_unpack(self._items(target, item.size))]

    def _place(self, field: int) -> Optional[int]:
        """None for a field that has its default."""
        if 4 + 2 * field >= _read(self._data, self._vtable, "H"):
            return None
        offset = _read(self._data, self._vtable + 4 + 2 * field, "H")
        return self._at + offset if offset else None

    def _target(self, field: int) -> Optional[int]:
        place = self._place(field)
        return None if place is None else place + _read(self._data, place, "I")

    def _count(self, vector: int, size: int) -> int:
        count = int(_read(self._data, vector, "I"))
        if vector + 4 + count * size > len(self._data):
            raise ValueError("a vector is longer than the file")
        return count

    def _items(self, vector: int, size: int) -> bytes:
        return self._data[vector + 4 : vector + 4 + self._count(vector, size) * size]


def root(data: bytes) -> Table:
    return Table(data, _read(data, 0, "I"))


def _read(data: bytes, place: int, kind: str) -> Any:
    if place < 0:
        raise ValueError("an offset leads before the file")
    return struct.unpack_from("<" + kind, data, place)[0]
