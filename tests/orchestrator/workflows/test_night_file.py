"""Plans: what they mean, and all that is wrong with one at once."""

from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device, Lab, PythonEnvironment
from orchestrator.workflows.night_file import read_plan
from orchestrator.workflows.night_settings import NightPlan
from orchestrator.workflows.night_template import write_template

LAB = Lab(
    {
        "pi5": Device("pi5", "ssh", host="pi5", environments={"ort-old": PythonEnvironment(packages=("onnxruntime",))}),
        "pixel": Device("pixel", "adb", serial="1"),
    }
)
TAGS = {"pixel": frozenset({"phone"})}


def read(tmp_path: Path, text: str) -> NightPlan:
    path = tmp_path / "Desk.toml"
    path.write_text(text)
    return read_plan(path, LAB, TAGS, tmp_path / "models")


def test_a_plan_is_read_with_its_defaults(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        'devices = ["pi5", "tag:phone"]\nbudget_minutes = 30\nreference = "digits-lstm"\n'
        '[[models]]\nmodel = "kws"\nrecipes = ["onnx:fp32", "winner"]\nthreads = [1, 2]\n'
        '[[models]]\nmodel = "digits-lstm"\ndevices = ["pi5"]\n'
        '[budgets]\npixel = 10\n[environments]\npi5 = ["default", "ort-old"]\n[prometheus]\nurl = "http://p:9090"\n',
    )
    assert (plan.name, plan.devices, plan.runs, plan.prometheus_url) == ("desk", "pi5,tag:phone", 5, "http://p:9090")
    assert (plan.budget_of("pi5"), plan.budget_of("pixel")) == (1800.0, 600.0)
    assert (plan.environments_of("pi5"), plan.environments_of("pixel")) == (("default", "ort-old"), ("default",))
    kws, reference = plan.models
    assert kws.recipes == (Recipe("onnx", "fp32"), None)
    assert (kws.threads, kws.providers, kws.devices, reference.devices) == ((1, 2), (None,), None, "pi5")


def test_the_template_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "My desk!.toml"
    write_template(path, Lab())
    plan = read_plan(path, Lab(), {}, tmp_path / "models")
    assert (plan.name, plan.devices, plan.reference) == ("my-desk", "local", "digits-lstm")
    with pytest.raises(BadInput, match="is there already"):
        write_template(path, LAB)


def test_all_that_is_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    wrong = """\
nme = "x"
devices = ["pi6", "any:phone", "tag:phones", 3]
runs = 1
budget_minutes = 0
retries = -1
mode = "pased"
end = "7:00"
quality = 1
reference = "silero"
[[models]]
model = "kwz"
recipes = ["onnx:fp3", 4]
threads = [0]
[[models]]
repo = "nowhere"
providers = []
[budgets]
pi6 = 3
pi5 = -1
[environments]
pi5 = ["new"]
[prometheus]
url = "prometheus:9090"
"""
    with pytest.raises(BadInput) as refused:
        read(tmp_path, wrong)
    said = refused.value.message
    for part in (
        "line 1: unknown key 'nme': did you mean 'name'?",
        "line 2: there is no device 'pi6' and no lab file was given: did you mean 'pi5'?",
        "line 2: 'any:phone': a series of nights needs the same devices",
        "line 2: no device has the tag 'phones': did you mean 'phone'?",
        "line 2: devices must be names, tag:TAG or all, got 3",
        "line 3: runs must be >= 2",
        "line 4: budget_minutes must be > 0, got 0",
        "line 5: retries must be >= 0, got -1",
        "line 6: mode must be paced or flat-out, got 'pased': did you mean 'paced'?",
        "line 7: end must be HH:MM (UTC), got '7:00'",
        "line 8: quality must be true or false, got 1",
        "line 9: reference 'silero' is none of its [[models]]",
        "line 11: no model 'kwz'",
        "line 12: precision of onnx must be one of",
        "line 12: recipes must be strings, got 4",
        "line 13: threads must be whole numbers >= 1, got 0",
        "line 14: needs model = NAME",
        "line 15: there is no folder",
        "line 16: providers must not be empty",
        "line 18: there is no device 'pi6'",
        "line 19: the budget of pi5 must be minutes > 0, got -1",
        "line 21: pi5 has no environment 'new'; it has default, ort-old",
        "line 23: url must be http:// or https://",
    ):
        assert part in said
    assert f"has {said.count(chr(10))} problems" in said
    assert "--init" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no [[models]]"),
        ("models = 3", "models must be a list"),
        ("models = [3]", "must be tables"),
        ("=", "cannot read"),
    ],
)
def test_what_is_no_plan_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, text)
    assert said in refused.value.message


def test_no_file_is_said_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no plan") as refused:
        read_plan(tmp_path / "no.toml", LAB, TAGS, tmp_path)
    assert "--init" in str(refused.value.hint)
