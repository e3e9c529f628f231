"""A native tool on one device: leased, the right device, its run in the ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from orchestrator.domain.native import TOOLS, NativeSession
from orchestrator.errors import BadInput
from orchestrator.ledger.devices import models_of
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.native import record_native
from orchestrator.measure.lab.identity import require_profile, require_same_model
from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport
from orchestrator.measure.lab.profiles import device_model_slug
from orchestrator.measure.native.run import NativeRun, run_native
from orchestrator.measure.native.shell_probe import probe_by_shell
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reserve import reserved
from orchestrator.workflows.settings import require_results

_MOST_RUNS = 100_000


@dataclass(frozen=True)
class NativeSettings:
    """``results`` has the ledger. Raises BadInput for files that are not there and numbers that cannot be."""

    run: NativeRun
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    wait_s: float = 0.0

    def __post_init__(self) -> None:
        if self.run.tool not in TOOLS:
            raise BadInput(f"tool must be one of {', '.join(TOOLS)}, got {self.run.tool!r}")
        for path in (self.run.program, self.run.model, *self.run.libraries):
            if not path.is_file():
                raise BadInput(f"there is no file {path}", hint="the tool, its libraries and the model are yours")
        if not 1 <= self.run.runs <= _MOST_RUNS:
            raise BadInput(f"runs must be in 1..{_MOST_RUNS}, got {self.run.runs}")


def run_on_device(settings: NativeSettings, progress: Progress) -> NativeSession:
    """The session, failed or not; it is in the ledger. Raises EarshotError where none could be started."""
    require_results(settings.results)
    device = find_device(load_lab(settings.lab), settings.device)
    settings.results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(settings.results / "ledger.db") as ledger:
        purpose = f"native {settings.run.tool}"
        with reserved(ledger, device, purpose, progress, wait_s=settings.wait_s), open_transport(device) as transport:
            progress.stage(f"asking {device.name} what it is", steps=1)
            probe = probe_by_shell(transport)
            require_profile(device, probe)
            require_same_model(device, device_model_slug(probe), models_of(ledger, device.name), str(ledger.place))
            progress.stage(f"running {settings.run.tool} on {device.name}, closed loop", steps=1)
            session_id = f"native-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
            session = run_native(transport, probe, settings.run, session_id, device.root)
        record_native(ledger, session)
    return session
