"""The page of a cascade, or of several that are compared, in the results folder."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from orchestrator.domain.cascade_budget import parts_ms
from orchestrator.domain.cascade_told import CascadeTold
from orchestrator.tell.report.cascade_page import Drawn, render_cascades
from orchestrator.tell.report.page import write_page
from orchestrator.workflows.cascade import RanCascade


def write_cascade_page(ran: Sequence[RanCascade], told: Sequence[CascadeTold], results: Path) -> Path:
    drawn = [
        Drawn(found, parts_ms(np.concatenate([run.way_ns for run in each.times])))
        for each, found in zip(ran, told, strict=True)
    ]
    name = "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", each.cascade.name).strip("-") for each in ran)
    path = results / f"cascade-{name[:100]}.html"
    write_page(path, render_cascades(drawn))
    return path
