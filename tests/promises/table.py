"""The table of promises in docs/measurement.md: ``python -m tests.promises.table docs/measurement.md``.

It is written between two marker comments, whole or not at all, and not where a bound is missed.
"""

import importlib
import os
import pkgutil
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType

from orchestrator.measure.transports.base import whole_file
from tests.promises import figures
from tests.promises.figures.row import HEADER, Bound, Row, first_number

BEGIN, END = "<!-- promises: begin (make promises) -->", "<!-- promises: end -->"
_FIGURE = re.compile(r"p\d\d")
# Those that take longest, so that no processor waits at the end.
_LONGEST = ("p17", "p09", "p05", "p08")


def modules() -> list[str]:
    """Names of the figures, one for each promise."""
    return sorted(m.name for m in pkgutil.iter_modules(figures.__path__) if _FIGURE.fullmatch(m.name))


def rows_of(name: str) -> list[Row]:
    found: list[Row] = _imported(name).rows()
    return found


def _imported(name: str) -> ModuleType:
    return importlib.import_module(f"{figures.__name__}.{name}")


def all_rows(processes: int) -> list[Row]:
    order = sorted(modules(), key=lambda name: (name not in _LONGEST, name))
    for name in order:
        _imported(name)  # What cannot be imported is told before minutes are spent.
    with ProcessPoolExecutor(processes) as pool:
        found = dict(zip(order, pool.map(rows_of, order), strict=True))
    return [row for name in modules() for row in found[name]]


def render(rows: list[Row]) -> str:
    lines = [HEADER, ("---",) * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def replaced(text: str, table: str) -> str:
    """``text`` with the table between its markers. Raises ValueError where they are not there once each."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the document must hold {BEGIN} and after it {END}, once each")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    return f"{before}{BEGIN}\n\n{table}\n\n{after}"


def parse(text: str) -> list[tuple[int, Bound, float, float]]:
    """(promise, bound, Earshot, naive) of each row of the document's table."""
    table = text[text.index(BEGIN) : text.index(END)]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines() if "|" in line]
    return [(int(c[0]), Bound.parse(c[2]), first_number(c[3]), first_number(c[4])) for c in cells if c[0].isdigit()]


def main(path: Path) -> None:
    rows = all_rows(min(2, os.cpu_count() or 1))
    table = render(rows)
    sys.stdout.write(table + "\n")
    missed = [row for row in rows if not row.bound.holds(row.earshot)]
    if missed:
        raise SystemExit("\n".join(f"promise {row.promise} is not kept: {row.cells()}" for row in missed))
    with whole_file(path) as file:
        file.write(replaced(path.read_text(encoding="utf-8"), table).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
