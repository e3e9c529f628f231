"""Formats of platforms: what is made without their SDKs, and what is said where one is missing."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from agents.failure import Failure
from agents.torchscript_file import NAMES_FILE, check_names, names_of, names_text
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.export.packed import packed
from orchestrator.make.export.tensorrt_ranges import HEADER, cache_text, ranges
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import feeds_of, open_session


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_archive_follows_from_its_files_alone() -> None:
    one, two = packed({"b": b"2", "a/c": b"1"}), packed({"a/c": b"1", "b": b"2"})
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert archive.namelist() == ["a/c", "b"]
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_kit_for_tensorrt_holds_the_graph_and_the_command(conv: ModelSource, store: Path) -> None:
    made = Exporter(conv, store, None).export(Recipe.parse("tensorrt:fp16(level=5)"))
    assert made.suffix == ".tensorrt.zip"
    assert made.parity is None
    assert "built by the GPU that runs it" in (made.unproven or "")
    files = members(made.path)
    assert files["model.onnx"] == conv.needed_onnx.read_bytes()
    words = json.loads(files["command.json"])["arguments"]
    shape = "x".join(map(str, conv.contract.input.shape))
    assert {"--onnx=model.onnx", "--saveEngine=model.engine", "--fp16", "--builderOptimizationLevel=5"} <= set(words)
    for which in ("min", "opt", "max"):
        assert any(w.startswith(f"--{which}Shapes=") and f"{conv.contract.input.name}:{shape}" in w for w in words)
    again = Exporter(conv, store.parent / "other", None).export(Recipe.parse("tensorrt:fp16(level=5)"))
    assert again.sha256 == made.sha256


def test_the_calibration_cache_is_the_ranges_of_real_streams(
    conv: ModelSource, store: Path, calibration: CalibrationStream, tmp_path: Path
) -> None:
    made = Exporter(conv, store, calibration).export(Recipe.parse("tensorrt:int8-static"))
    files = members(made.path)
    assert "--calib=calibration.cache" in json.loads(files["command.json"])["arguments"]
    header, *lines = files["calibration.cache"].decode().splitlines()
    assert header == HEADER
    scales = {name: struct.unpack(">f", bytes.fromhex(bits))[0] for name, bits in (x.rsplit(": ", 1) for x in lines)}
    feeds = calibration.feeds(conv)
    tops = ranges(conv.needed_onnx, feeds, tmp_path)
    assert scales == pytest.approx({name: top / 127 for name, top in tops.items()}, rel=1e-6)
    heard = max(float(np.abs(f[conv.contract.input.name]).max()) for f in feeds)
    assert scales[conv.contract.input.name] == pytest.approx(heard / 127, rel=1e-6)
    session = open_session(conv.needed_onnx)
    given = next(iter(feeds_of(session, conv.contract, iter([feeds[0][conv.contract.input.name]]))))[1]
    assert set(given) <= set(scales), "every output of the graph has a scale"


def test_the_cache_spells_a_scale_as_its_bytes() -> None:
    # 127 / 127 = 1.0 is 3f800000; a silent tensor has the least scale that is not zero.
    assert cache_text({"b": 127.0, "a": 0.0}).splitlines() == [HEADER, "a: 00800000", "b: 3f800000"]


def test_ranges_in_the_graph_need_no_cache(conv: ModelSource, store: Path, calibration: CalibrationStream) -> None:
    made = Exporter(conv, store, calibration).export(Recipe.parse("tensorrt:int8-static(ranges=qdq)"))
    files = members(made.path)
    assert "calibration.cache" not in files
    assert b"QuantizeLinear" in files["model.onnx"]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("torchscript:fp32", "made from a PyTorch module only"),
        ("coreml:fp16", "made from a PyTorch module only"),
        ("tensorrt:fp16(build=here)", "no engine was built here: there is no trtexec"),
        ("tensorrt:int8-static", "no calibration audio"),
    ],
)
def test_what_is_missing_is_named(
    conv: ModelSource, store: Path, recipe: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportFailed, match=message) as refused:
        Exporter(conv, store, None).export(Recipe.parse(recipe))
    assert refused.value.hint


@pytest.mark.parametrize("recipe", ["coreml:palettized(bits=3)", "torchscript:int8-static", "tensorrt:fp16(level=9)"])
def test_recipes_are_checked(recipe: str) -> None:
    with pytest.raises(BadRecipe):
        Recipe.parse(recipe)


def test_a_torchscript_file_is_read_only_where_earshot_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/extra/" + NAMES_FILE, names_text((("x", "h"), ("y", "h_new"))))
    assert names_of(str(path)) == (("x", "h"), ("y", "h_new"))
    check_names(str(path), (("h", "x"), ("y", "h_new")), in_order=False)
    with pytest.raises(Failure, match="the inputs of the graph are x, h, the contract says h, x"):
        check_names(str(path), (("h", "x"), ("y", "h_new")))
    foreign = tmp_path / "foreign.pt"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("foreign/data.pkl", b"")
    with pytest.raises(Failure, match="Earshot did not write it, and it is code"):
        check_names(str(foreign), (("x",), ("y",)))
