"""Variables as Grafana resolves them, and answers that are none."""

import pytest

from orchestrator.errors import MonitoringError
from orchestrator.tell.grafana.against import Prometheus, interpolated, resolve, seconds
from orchestrator.tell.grafana.boards import BOARDS
from orchestrator.tell.telemetry.server import Server
from tests.grafana_stand_in import grafana_stand_in
from tests.prometheus import free_port


class Asked(Prometheus):
    """A stand-in that has one set of values for every label, and remembers what it was asked for."""

    def __init__(self, *values: str) -> None:
        self._values = values
        self.matches: list[str] = []

    def get(self, path: str, **parameters: str) -> list[str]:
        self.matches.append(parameters["match"])
        return list(self._values)


def test_a_variable_narrows_those_after_it() -> None:
    asked = Asked("a", "b")
    values, missing = resolve(BOARDS[1].as_json(), asked, 0.0, 1.0, {"model": ["kws", "vad"]})
    assert missing == []
    assert (values["job"], values["device"], values["model"], values["runtime"]) == (".+", "a", "(kws|vad)", ".*")
    assert 'model=~"(kws|vad)"' in asked.matches[-1]


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("tflite:int8(activation=i8,calibration=minmax)", r"tflite:int8\\(activation=i8,calibration=minmax\\)"),
        ("1.31.1", r"1\\.31\\.1"),
        ("a|b", r"a\\|b"),
        ("a\\b", r"a\\\\b"),
    ],
)
def test_a_value_that_looks_like_an_expression_is_none(value: str, escaped: str) -> None:
    """Each backslash is two, because the expression stands in a string of PromQL."""
    values, _ = resolve(BOARDS[1].as_json(), Asked("x"), 0.0, 1.0, {"precision": [value]})
    assert values["precision"] == escaped


def test_the_two_sides_of_a_comparison_begin_apart() -> None:
    compare = next(board for board in BOARDS if board.uid == "earshot-compare")
    values, _ = resolve(compare.as_json(), Asked("litert", "onnxruntime"), 0.0, 1.0, {})
    assert (values["a_runtime"], values["b_runtime"]) == ("litert", "onnxruntime")


def test_a_variable_of_one_value_without_any_is_named() -> None:
    """All of nothing is still an expression."""
    values, missing = resolve(BOARDS[1].as_json(), Asked(), 0.0, 1.0, {})
    assert missing == ["device"]
    assert values["job"] == ".+"


def test_what_is_not_defined_stays() -> None:
    assert interpolated('x{a=~"$known", b="${other}"}', {"known": "1"}) == 'x{a=~"1", b="${other}"}'


def test_durations() -> None:
    assert [seconds(text) for text in ("15s", "2h", "90d")] == [15.0, 7200.0, 7_776_000.0]
    with pytest.raises(ValueError, match="no duration"):
        seconds("soon")


def test_nobody_there() -> None:
    with Server(f"http://127.0.0.1:{free_port()}") as server, pytest.raises(MonitoringError, match="no answer"):
        Prometheus(server).get("/api/v1/query", query="up")


def test_somebody_else_there() -> None:
    with (
        grafana_stand_in() as other,
        Server(other.url) as server,
        pytest.raises(MonitoringError, match="no answer of a Prometheus"),
    ):
        Prometheus(server).get("/somewhere", query="up")
