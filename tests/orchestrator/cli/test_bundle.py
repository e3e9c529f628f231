"""``earshot bundle check`` as a person and a build script see it."""

import json
from pathlib import Path

import pytest

from orchestrator.make.models import reference
from tests.orchestrator.cli.command import earshot
from tests.orchestrator.decide.bundle.bundles import bundle_of


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return bundle_of("kws", tmp_path, reference.onnx_path("kws"))


def test_a_whole_bundle_and_what_a_device_takes(bundle: Path, tmp_path: Path) -> None:
    done = earshot("bundle", "check", str(bundle), "--device", "Synthetic Board 3", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "all as the manifest says" in done.stdout
    assert "Synthetic Board 3 takes onnx:fp32 CPU 1t" in done.stdout


def test_a_broken_one_ends_with_2_and_says_all_that_is_wrong(bundle: Path, tmp_path: Path) -> None:
    (bundle / "kws.onnx").write_bytes(b"other")
    (bundle / "stray").write_text("")
    done = earshot("bundle", "check", str(bundle), home=tmp_path)
    assert done.returncode == 2
    assert "kws.onnx is not the file that the manifest names" in done.stderr
    assert "stray is not in the manifest" in done.stderr
    assert "next:" in done.stderr
    told = earshot("bundle", "check", str(bundle), "--json", home=tmp_path)
    assert told.returncode == 2
    assert (json.loads(told.stdout)["whole"], len(json.loads(told.stdout)["problems"])) == (False, 2)
