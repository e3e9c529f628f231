import json
from pathlib import Path

import pytest

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.goals import Goal
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.preset import preset_text, presets
from orchestrator.decide.selection.reading import read_selection
from orchestrator.errors import BadInput


def file(tmp_path: Path, text: str, name: str = "asked.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


class TestPresets:
    def test_they_say_what_they_are_for_and_can_be_asked(self) -> None:
        found = presets()
        assert set(found) == {"wake-word", "live-asr", "batch"}
        for name, request in found.items():
            assert request.says
            assert read_selection({}, preset=name)[0] == Objective(str(request.objective))

    def test_a_wake_word_answers_within_50_ms_and_spares_the_battery(self) -> None:
        objective, constraints = read_selection({}, preset="wake-word")
        assert objective.metric == "energy_mj_per_audio_s"
        assert constraints.max_p99_ms == 50.0
        assert read_selection({}, preset="live-asr")[1].max_p99_ms == 200.0

    def test_a_batch_waits_for_nobody(self) -> None:
        objective, constraints = read_selection({}, preset="batch")
        assert (objective.metric, constraints.real_time) == ("service_p50_ms", False)
        assert constraints.asked() == {"max_quality_loss": 0.01, "real_time": False}

    def test_a_flag_wins_over_the_file_and_that_over_the_preset(self, tmp_path: Path) -> None:
        own = file(tmp_path, "minimize = 'memory'\n[constraints]\nmax_p99_ms = 40\nmax_size_mb = 9")
        objective, constraints = read_selection({"max_size_mb": 3, "weigh": None}, own, "wake-word")
        assert (objective, constraints.max_p99_ms, constraints.max_size_mb) == (Objective("memory"), 40.0, 3.0)
        assert constraints.max_rtf == 0.1

    def test_one_s_own_is_given_by_its_path(self, tmp_path: Path) -> None:
        own = file(tmp_path, preset_text("live-asr").replace("200", "120"), "mine.toml")
        assert read_selection({}, preset=str(own))[1].max_p99_ms == 120.0

    def test_an_unknown_one_has_a_nearest(self) -> None:
        with pytest.raises(BadInput, match=r"unknown preset 'wakeword' \(did you mean wake-word\?\)"):
            read_selection({}, preset="wakeword")

    @pytest.mark.parametrize(
        "flags",
        [{"min_streams": 4}, {"max_p99_ms": 50}, {"goals": ("p99:max-degradation=1",)}, {"minimize": "latency"}],
    )
    def test_what_counts_on_the_clock_contradicts_a_batch(self, flags: dict[str, object]) -> None:
        with pytest.raises(BadInput, match="real_time = false says that none do"):
            read_selection(flags, preset="batch")


class TestGoals:
    def test_of_a_file_in_both_spellings(self, tmp_path: Path) -> None:
        text = """[goals]
        p99 = { percent-min-improvement = 20 }
        size_mb = { type = "threshold", value = 5 }
        """
        _, constraints = read_selection({}, file(tmp_path, text))
        assert constraints.goals == (
            Goal("latency_p99_ms", "percent-min-improvement", 20.0),
            Goal("size_mb", "threshold", 5.0),
        )
        assert constraints.max_quality_loss == 0.01

    def test_a_goal_for_quality_takes_the_place_of_what_nobody_asked_for(self) -> None:
        _, constraints = read_selection({"goals": ("accuracy:max-degradation=0.05",)})
        assert constraints.max_quality_loss is None
        assert constraints.metrics == ("quality_loss",)

    @pytest.mark.parametrize(
        "flags",
        [
            {"goals": ("accuracy:max-degradation=0.05",), "max_quality_loss": 0.01},
            {"goals": ("p99:threshold=10",), "max_p99_ms": 20},
        ],
    )
    def test_a_goal_and_a_limit_on_one_figure_contradict_each_other(self, flags: dict[str, object]) -> None:
        with pytest.raises(BadInput, match="bound the same figure"):
            read_selection(flags)

    def test_a_threshold_is_a_limit_too(self) -> None:
        with pytest.raises(BadInput, match="latency_p50_ms:threshold=30 is above max_p99_ms 20"):
            read_selection({"goals": ("latency:threshold=30",), "max_p99_ms": 20})

    def test_a_later_word_for_a_figure_replaces_the_earlier_one(self) -> None:
        _, constraints = read_selection({"goals": ("p99:threshold=10",)}, preset="wake-word")
        assert (constraints.max_p99_ms, len(constraints.goals)) == (None, 1)
        _, constraints = read_selection({"goals": ("p99:percent-min-improvement=10",)}, preset="wake-word")
        assert (constraints.max_p99_ms, len(constraints.goals)) == (50.0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minimize = 'size'\nweigh = 'latency=1'", "both minimize = 'size' and weigh"),
        ("weigh = 'latency'", "names with weights"),
        ("real_time = 1", "must be true or false"),
        ("goals = 3", "must be a table"),
        ("[goals]\np99 = 3", "must be one type with its value"),
        ("[goals]\np99 = { threshold = 'low' }", "must be a number"),
        ("[goals]\np98 = { threshold = 1 }", "unknown metric 'p98'"),
        ("[constraints]\nmin_streams = 2.5", "whole number"),
        ("[constraints]\nmax_sustained = 0.8", "write 1.25"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_selection({}, file(tmp_path, text))
    assert message in f"{caught.value.message} {caught.value.hint}"


def test_a_weighted_profile_of_a_file(tmp_path: Path) -> None:
    objective, _ = read_selection({}, file(tmp_path, "[weigh]\nlatency = 2\nenergy = 1"))
    assert str(objective) == str(Objective("latency=2,energy=1"))


def test_the_question_is_the_same_however_it_was_asked() -> None:
    assert Constraints().asked() == {"max_quality_loss": 0.01}
    asked = read_selection({"goals": ("p99:max_degradation=1",)})[1].asked()
    assert asked == {"max_quality_loss": 0.01, "goals": ["latency_p99_ms:max-degradation=1"]}


LATENCY = {
    "name": "latency",
    "type": "latency",
    "sub_types": [
        {"name": "avg", "priority": 1, "goal": {"type": "percent-min-improvement", "value": 20}},
        {"name": "max"},
    ],
}
ACCURACY = {
    "name": "accuracy",
    "type": "accuracy",
    "sub_types": [{"name": "accuracy_score", "priority": 2, "goal": {"type": "max-degradation", "value": 0.01}}],
}
SIZE = {
    "name": "size",
    "type": "size_on_disk",
    "sub_types": [{"name": "bytes", "goal": {"type": "threshold", "value": 5e6}}],
}


class TestOlive:
    """The form is that of Olive's documentation ("How to configure metrics"); the values are made up."""

    def read(self, tmp_path: Path, data: object) -> tuple[Objective, Constraints]:
        return read_selection({}, file(tmp_path, json.dumps(data), "olive.json"))

    def test_metrics_of_the_evaluator_that_the_workflow_names(self, tmp_path: Path) -> None:
        workflow = {
            "evaluators": {"other": {"metrics": [SIZE]}, "common": {"metrics": [ACCURACY, LATENCY]}},
            "evaluator": "common",
        }
        objective, constraints = self.read(tmp_path, workflow)
        assert objective == Objective("service_p50_ms")
        assert [str(goal) for goal in constraints.goals] == [
            "accuracy:max-degradation=0.01",
            "service_p50_ms:percent-min-improvement=20",
        ]
        assert constraints.max_quality_loss is None

    def test_bytes_are_megabytes(self, tmp_path: Path) -> None:
        _, constraints = self.read(tmp_path, {"metrics": [SIZE]})
        assert constraints.goals == (Goal("size_mb", "threshold", 5.0),)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([], "neither metrics nor evaluators"),
            ({"evaluators": {"a": {"metrics": []}, "b": {"metrics": []}}}, "chooses none: a, b"),
            ({"evaluators": {"common": {"metrics": []}}, "evaluator": "comon"}, "did you mean common"),
            ({"metrics": 3}, "list of objects"),
            ({"metrics": [{**LATENCY, "type": "throughput"}]}, "a figure that Earshot does not have"),
            (
                {"metrics": [{**LATENCY, "sub_types": [{"name": "avg", "goal": {"type": "faster", "value": 1}}]}]},
                "unknown type 'faster'",
            ),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, tmp_path: Path, data: object, message: str) -> None:
        with pytest.raises(BadInput, match=message):
            self.read(tmp_path, data)

    def test_what_is_not_json_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"is not JSON"):
            read_selection({}, file(tmp_path, "minimize = 3", "olive.json"))


def test_the_file_of_the_how_to_can_be_asked(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "how-to" / "choose.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    objective, constraints = read_selection({}, file(tmp_path, text))
    assert str(objective) == "latency_p50_ms=0.6667,energy_mj_per_audio_s=0.3333"
    assert constraints.limits() == {"max_p99_ms": 50.0, "min_streams": 2.0}
    assert len(constraints.goals) == 2
