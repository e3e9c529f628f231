"""A matrix of recorded runs: one CSV row per run of a candidate on a device."""

import csv
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.decide.search.question import KNOWN_BEFORE, OUTCOMES, Entrant
from orchestrator.errors import BadInput

MEASURED = ("service_p50_ms", "latency_p99_ms", "rtf", "peak_rss_mb", "energy_mj_per_audio_s")
KEYS = ("device", "candidate", "run", "outcome", "duration_s")
COLUMNS = (*KEYS, *MEASURED, *KNOWN_BEFORE)
_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Row:
    """``figures``: metric -> value of those that were measured; an empty cell is absent, which is not zero."""

    device: str
    candidate: str
    run: int
    outcome: str
    duration_s: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Matrix:
    """The runs of one device: candidate -> its rows in the order of ``run``."""

    device: str
    rows: Mapping[str, Sequence[Row]]

    def entrants(self) -> list[Entrant]:
        return [Entrant(name, self._known(rows)) for name, rows in self.rows.items()]

    def exhaustive_s(self, runs: int) -> float:
        """Device time of ``runs`` runs of every candidate, at the mean duration of its rows."""
        return sum(runs * sum(r.duration_s for r in rows) / len(rows) for rows in self.rows.values())

    def _known(self, rows: Sequence[Row]) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in rows:
            found |= {metric: row.figures[metric] for metric in KNOWN_BEFORE if metric in row.figures}
        return found


def read_matrix(path: Path, device: str | None) -> Matrix:
    """Of ``device``, or of the only one. Raises BadInput with every problem and its line."""
    rows = read_rows(path)
    devices = list(dict.fromkeys(row.device for row in rows))
    if device is None and len(devices) > 1:
        raise BadInput(f"the matrix {path} holds {len(devices)} devices", hint=f"--device {' or '.join(devices[:5])}")
    name = device or devices[0]
    if name not in devices:
        near = difflib.get_close_matches(name, devices, n=1)
        hint = (f"did you mean {near[0]!r}? " if near else "") + f"it holds {', '.join(devices[:10])}"
        raise BadInput(f"no device {name!r} in the matrix {path}", hint=hint)
    found: dict[str, list[Row]] = {}
    for row in sorted((r for r in rows if r.device == name), key=lambda r: r.run):
        found.setdefault(row.candidate, []).append(row)
    order = dict.fromkeys(r.candidate for r in rows if r.device == name)
    return Matrix(name, {candidate: found[candidate] for candidate in order})


def read_rows(path: Path) -> list[Row]:
    """Of all devices, as they stand there. Raises BadInput with every problem and its line, or where there is none."""
    rows, problems = _read(path)
    if problems:
        more = f"\n  and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
        listed = "\n".join(f"  {problem}" for problem in problems[:_MOST_PROBLEMS])
        raise BadInput(f"the matrix {path} has {len(problems)} problem(s):\n{listed}{more}")
    if not rows:
        raise BadInput(f"the matrix {path} has no rows", hint="earshot ledger export-matrix writes one")
    return rows


def _read(path: Path) -> tuple[list[Row], list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            problems = _header_problems(reader.fieldnames or [])
            return ([], problems) if problems else _rows(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise BadInput(f"cannot read the matrix {path}: {exc}") from exc


def _header_problems(names: Sequence[str]) -> list[str]:
    missing = [f"line 1: column {name} is missing" for name in KEYS if name not in names]
    unknown = []
    for name in names:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            unknown.append(f"line 1: unknown column {name!r}" + (f": did you mean {near[0]}?" if near else ""))
    twice = [f"line 1: column {name} stands there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    return missing + unknown + twice


def _rows(reader: "csv.DictReader[str]") -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    problems: list[str] = []
    lines: dict[tuple[str, str, int], int] = {}
    known: dict[tuple[str, str, str], tuple[float, int]] = {}
    for cells in reader:
        line = reader.line_num
        try:
            row = _row(cells)
        except ValueError as exc:
            problems.append(f"line {line}: {exc}")
            continue
        key = (row.device, row.candidate, row.run)
        if key in lines:
            problems.append(f"line {line}: run {row.run} of {row.candidate} stands in line {lines[key]} already")
        lines.setdefault(key, line)
        for metric in KNOWN_BEFORE:
            if metric in row.figures:
                first, where = known.setdefault((row.device, row.candidate, metric), (row.figures[metric], line))
                if first != row.figures[metric]:
                    problems.append(f"line {line}: {metric} of {row.candidate} is {first:g} in line {where}")
        rows.append(row)
    return rows, problems


def _row(cells: Mapping[str | None, str | None]) -> Row:
    if None in cells or None in cells.values():
        raise ValueError("its number of cells is not that of the header")
    text = {str(name): str(value).strip() for name, value in cells.items()}
    for name in ("device", "candidate"):
        if not text[name]:
            raise ValueError(f"{name} is empty")
    if text["outcome"] not in OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, got {text['outcome']!r}")
    if not text["run"].isdigit():
        raise ValueError(f"run must be a whole number >= 0, got {text['run']!r}")
    duration_s = _number("duration_s", text["duration_s"], positive=False)
    if duration_s is None:
        raise ValueError("duration_s is empty")
    figures = {m: _number(m, text.get(m, ""), positive=m not in KNOWN_BEFORE) for m in (*MEASURED, *KNOWN_BEFORE)}
    return Row(
        text["device"],
        text["candidate"],
        int(text["run"]),
        text["outcome"],
        duration_s,
        {metric: value for metric, value in figures.items() if value is not None},
    )


def _number(name: str, text: str, *, positive: bool) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {text!r}") from None
    # A quality that rose is a loss below zero.
    low = -math.inf if name == "quality_loss" else 0.0
    if not math.isfinite(value) or value < low or (positive and value == 0.0):
        raise ValueError(f"{name} must be a finite number {'>' if positive else '>='} 0, got {text}")
    return value
