"""The drift of an artifact as it was measured before, for the report of a study."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.state_drift import WAYS, ShownDrift
from orchestrator.ledger.drifts import drift_of
from orchestrator.ledger.ledger import Ledger
from orchestrator.make.quality.drift_stream import MAX_ABS


def drift_shown(ledger: Ledger, artifact_sha256: str) -> ShownDrift | None:
    """The newest measurement of these bytes, with its raw series where their file still lies beside the ledger."""
    report = drift_of(ledger, artifact_sha256)
    return None if report is None else ShownDrift(report, _series(ledger.place.folder / report.series))


def _series(path: Path) -> dict[str, NDArray[np.float64]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {way: arrays[f"error-{way}"][:, :, MAX_ABS] for way in WAYS if f"error-{way}" in arrays}
    except (OSError, ValueError, zipfile.BadZipFile):
        return {}
