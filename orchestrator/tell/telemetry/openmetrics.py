"""The outbox as OpenMetrics 1.0 text (github.com/prometheus/OpenMetrics), from which promtool makes blocks.

A family's samples stand together, those of a series in a row, by time. Native histograms have no text form there.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from orchestrator.ledger.outbox import Entry
from orchestrator.tell.telemetry import told
from orchestrator.tell.telemetry.names import INFO, JOB, METRICS, Metric
from orchestrator.tell.telemetry.told import Labels

# A quote within a value is escaped, so that this is never a part of one.
_QUANTILE = re.compile(r'quantile="[^"]*"')
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text(entries: Iterable[Entry], instance: str) -> Iterator[str]:
    """Line by line, each with its end. ``entries`` by time. One family at a time is held in memory."""
    ours = (("instance", instance), ("job", JOB))
    with tempfile.TemporaryDirectory(prefix="earshot-openmetrics-") as folder:
        names = _sorted_out(entries, ours, Path(folder))
        for name, metric in METRICS.items():
            if name in names:
                yield from _head(metric)
                # Stable: by series (a summary's quantiles are one), and within each by time, as they came.
                with (Path(folder) / name).open(encoding="utf-8") as file:
                    yield from sorted(file, key=_series)
    yield "# EOF\n"


def _sorted_out(entries: Iterable[Entry], ours: Labels, folder: Path) -> set[str]:
    """A file for each metric; their names."""
    files: dict[str, IO[str]] = {}
    with ExitStack() as opened:
        for entry in entries:
            common, at = told.labels_of(entry.record), _seconds(entry.at_ms)
            for sample in told.samples_of(entry.record):
                if sample.name not in files:
                    path = folder / sample.name
                    files[sample.name] = opened.enter_context(path.open("w", encoding="utf-8", newline="\n"))
                labels = _labels((*common, *sample.labels, *ours))
                files[sample.name].write(f"{sample.name}{{{labels}}} {float(sample.value)!r} {at}\n")
    return set(files)


def _head(metric: Metric) -> Iterator[str]:
    family = metric.name.removesuffix("_info") if metric.kind == INFO else metric.name
    yield f"# TYPE {family} {metric.kind}\n"
    if metric.unit and family.endswith(f"_{metric.unit}"):
        yield f"# UNIT {family} {metric.unit}\n"
    yield f"# HELP {family} {metric.help.translate(_ESCAPES)}\n"


def _series(line: str) -> str:
    return _QUANTILE.sub("", line.rsplit(" ", 2)[0])


def _labels(pairs: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in sorted(pairs) if value)


def _seconds(at_ms: int) -> str:
    """promtool multiplies by 1000 and cuts (model/textparse: openmetricsparse.go), so that some milliseconds would
    become the one before: those are written 0.4 ms later, which is cut.
    """
    plain = f"{at_ms // 1000}.{at_ms % 1000:03}"
    return plain if int(float(plain) * 1000) == at_ms else f"{plain}4"
