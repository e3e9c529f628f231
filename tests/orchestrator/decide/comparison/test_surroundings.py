"""Which fields must be alike, where the two are builds of one runtime in two environments of a device."""

from dataclasses import replace

from orchestrator.decide.comparison.surroundings import unlike
from orchestrator.domain.session import Session
from tests.sessions import ENVIRONMENT, candidate, session

STOCK = {"runtime_version": "1.31.1", "runtime_build": "onnxruntime 1.31.1: A"}
INTEL = {"runtime_version": "1.24.1", "runtime_build": "onnxruntime-openvino 1.24.1: B"}


def stock(within: str | None = None, build: dict[str, str] | None = None) -> list[Session]:
    where = ENVIRONMENT if within is None else replace(ENVIRONMENT, python_environment=f"{within}-1")
    of = replace(candidate(), environment=within)
    return [session(of, block=b, environment=where, **(build or STOCK)) for b in range(2)]


def names(a: list[Session], b: list[Session]) -> list[str]:
    return [each.name for each in unlike(a, b)]


def test_another_build_in_the_same_place_is_another_place() -> None:
    assert names(stock(), stock()) == []
    assert names(stock(), stock(build=INTEL)) == ["onnxruntime version", "onnxruntime build"]


def test_a_candidate_of_another_environment_is_another_build_on_purpose() -> None:
    assert names(stock(), stock("openvino", INTEL)) == []


def test_two_of_one_environment_must_be_of_one_build() -> None:
    again = {**INTEL, "runtime_build": "onnxruntime-openvino 1.24.1: C"}
    assert names(stock("openvino", INTEL), stock("openvino", again)) == ["onnxruntime of openvino build"]
