"""Programs are made for one provider, and are candidates for that alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.device_facts import NOT_IN_BUILD, DeviceProbe, ProviderProbe, RuntimeProbe
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import default_of
from orchestrator.errors import DeviceNotReady
from orchestrator.workflows.candidates import candidates_for
from tests.sessions import PROBE, artifact

PROVIDERS = (
    ProviderProbe("XNNPACK", True),
    ProviderProbe("Portable", True),
    ProviderProbe("QNN", False, f"{NOT_IN_BUILD} of executorch"),
)


def device() -> DeviceProbe:
    return replace(PROBE, runtimes=(RuntimeProbe("executorch", True, "1.5.1", providers=PROVIDERS),))


def program(recipe: str) -> Artifact:
    made = artifact(recipe)
    return replace(made, path=Path(f"{made.sha256}.pte"))


def test_each_goes_to_who_it_was_made_for() -> None:
    recipes = ("executorch:fp32", "executorch:int8-dynamic", "executorch:fp32(backend=portable)")
    found = candidates_for([program(r) for r in recipes], device(), threads=(1,))
    assert [(str(c.recipe), c.provider) for c in found] == list(
        zip(recipes, ("XNNPACK", "XNNPACK", "Portable"), strict=True)
    )
    default = default_of(found)
    assert default is not None
    assert str(default.recipe) == "executorch:fp32"


def test_one_for_hardware_that_is_not_there_says_why() -> None:
    with pytest.raises(DeviceNotReady, match=r"was made for QNN, which the device does not have \(not in this build"):
        candidates_for([program("executorch:fp32(backend=qnn)")], device())
