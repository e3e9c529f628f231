"""The devices of a farm, as its sites announced them, chosen by the same words as those of a lab."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.domain.health import Health
from orchestrator.errors import BadInput
from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.health import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.workers import SiteDevice, Worker, site_devices, workers
from orchestrator.measure.lab.device import LOCAL, Device, Lab, PythonEnvironment
from orchestrator.measure.lab.reservation import ALL, choose

_MARKS = ("tag:", "any:")


@dataclass(frozen=True)
class FarmDevices:
    """``lab``: the devices by name, without a way to them; the rest by device, as the sites say."""

    lab: Lab
    sites: dict[str, str]
    models: dict[str, str | None]
    tags: dict[str, frozenset[str]]
    health: dict[str, Health]
    workers: tuple[Worker, ...] = field(default=())

    def chosen(self, terms: str, waiting: Mapping[str, int]) -> list[str]:
        """Names, each once. Of any:TAG the one that fewest jobs wait for. Raises BadInput, DeviceQuarantined."""
        self._require_known(terms)
        slots = choose(self.lab, terms, self.tags, self.health).slots
        names = [min(slot, key=lambda device: waiting.get(device.name, 0)).name for slot in slots]
        self.require_announced(names)
        return list(dict.fromkeys(names))

    def one_of_each_model(self, names: Sequence[str], waiting: Mapping[str, int]) -> list[str]:
        """Of the devices of one model the one that fewest jobs wait for; one whose model nobody knows is its own."""
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(self.models.get(name) or f"device {name}", []).append(name)
        return [min(units, key=lambda unit: waiting.get(unit, 0)) for units in found.values()]

    def require_announced(self, names: Iterable[str]) -> None:
        """Raises BadInput with the nearest names: this machine is a device only where its site says so."""
        for name in names:
            if name not in self.sites:
                raise self._unknown(name)

    def require_some(self) -> None:
        """Raises BadInput."""
        if not self.sites:
            raise BadInput(
                "no site has announced a device yet",
                hint="start a worker beside the devices: earshot worker --site NAME --lab lab.toml; where one works "
                "already, attach this folder to the same database: earshot ledger attach",
            )

    def without_worker(self, names: Sequence[str]) -> list[str]:
        """Sites of these devices where no worker is alive."""
        alive = {worker.site for worker in self.workers if worker.alive}
        return sorted({self.sites[name] for name in names} - alive)

    @property
    def exporting(self) -> frozenset[str]:
        """Queues of exports that a living worker serves."""
        served = (worker.record.get("export_queues", ()) for worker in self.workers if worker.alive)
        return frozenset(str(queue) for queues in served for queue in queues)

    def _require_known(self, terms: str) -> None:
        self.require_some()
        for term in filter(None, (part.strip() for part in terms.split(","))):
            if term != ALL and not term.startswith(_MARKS) and term not in self.sites:
                raise self._unknown(term)

    def _unknown(self, name: str) -> BadInput:
        near = difflib.get_close_matches(name, self.sites, n=3)
        by_site: dict[str, list[str]] = {}
        for device, site in self.sites.items():
            by_site.setdefault(site, []).append(device)
        told = "; ".join(f"{site}: {', '.join(names)}" for site, names in sorted(by_site.items()))
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        return BadInput(f"no site has announced a device {name!r}", hint=f"{meant}announced are {told}")


def farm_devices(ledger: Ledger) -> FarmDevices:
    found = site_devices(ledger)
    known = {name: each.device_model for name, each in latest_environments(ledger).items()}
    # Where its site does not know it yet, the farm's ledger may.
    models = {each.device: each.record.get("device_model") or known.get(each.device) for each in found}
    return FarmDevices(
        Lab({each.device: _device(each) for each in found}),
        {each.device: each.site for each in found},
        models,
        {each.device: _tags(each, models[each.device]) for each in found},
        health(ledger),
        tuple(workers(ledger)),
    )


def _device(told: SiteDevice) -> Device:
    # How it is reached is known at its site alone; what matters here is its name, and the environments it may have.
    environments = {name: PythonEnvironment(python=name) for name in told.record.get("environments", ())}
    return Device(told.device, str(told.record.get("transport") or LOCAL), environments=environments)


def _tags(told: SiteDevice, device_model: str | None) -> frozenset[str]:
    return frozenset([*told.record.get("tags", ()), *([device_model] if device_model else [])])
