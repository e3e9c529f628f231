"""Where something is measured, and what is asked of the device meanwhile: options that belong together."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli.isolation import cluster_option, cpus_option, isolate_option
from orchestrator.cli.options import (
    device_option,
    environment_option,
    lab_option,
    quiet_device_option,
    wait_option,
)
from orchestrator.workflows.held import Wish

if TYPE_CHECKING:
    from orchestrator.workflows.site import SiteWish

_OPTIONS = (
    device_option,
    lab_option,
    wait_option,
    quiet_device_option,
    environment_option,
    cluster_option,
    cpus_option,
    isolate_option,
)


@dataclass(frozen=True)
class SiteChoice:
    """What somebody wrote on the command line."""

    device: str
    lab: Path | None
    wait_s: float
    quiet_device: bool
    environment: str | None
    cluster: str | None
    cpus: tuple[int, ...] | None
    isolate: tuple[str, ...] | None

    def wish(self, threads: int) -> "SiteWish":
        from orchestrator.workflows.site import SiteWish

        held = Wish(self.cluster, self.cpus or ())
        return SiteWish(self.environment, held, threads, self.isolate, self.quiet_device)


def site_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options, given to ``command`` as one argument ``site``."""

    @functools.wraps(command)
    def packed(**given: Any) -> None:
        site = SiteChoice(**{field.name: given.pop(field.name) for field in fields(SiteChoice)})
        command(site=site, **given)

    decorated: Callable[..., None] = packed
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
