import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import export
from orchestrator.make.export.precision_weight import pack
from orchestrator.make.models.graph import count_operators, model_sha256
from orchestrator.make.models.source import ModelSource
from tests import graphs


def made(source: ModelSource, recipe: str, store: Path, calibration: CalibrationStream | None = None) -> Path:
    artifact = export(source, Recipe.parse(recipe), store, calibration)
    assert artifact.parity.passed
    assert hashlib.sha256(artifact.path.read_bytes()).hexdigest() == artifact.sha256
    assert artifact.size_bytes == artifact.path.stat().st_size
    return artifact.path


def operators(path: Path) -> dict[str, int]:
    return count_operators(onnx.load(path))


def test_fp32_is_the_source(conv: ModelSource, store: Path) -> None:
    artifact = export(conv, Recipe.parse("onnx:fp32"), store)
    assert artifact.sha256 == conv.sha256
    assert artifact.provenance.notes == (
        "parity: the whole recording in one call",
        "parity audio: a synthetic probe signal",
    )
    assert artifact.provenance.tools["onnxruntime"]
    assert artifact.provenance.opset == 17


def test_fp16_halves_the_weights_and_keeps_the_contract(lstm: ModelSource, store: Path) -> None:
    path = made(lstm, "onnx:fp16", store)
    model = onnx.load(path)
    assert {i.type.tensor_type.elem_type for i in (*model.graph.input, *model.graph.output)} == {1}
    assert path.stat().st_size < 0.65 * lstm.onnx_path.stat().st_size


def test_dynamic(conv: ModelSource, lstm: ModelSource, store: Path) -> None:
    assert operators(made(conv, "onnx:int8-dynamic(weight=u8)", store))["ConvInteger"] == 3
    found = operators(made(lstm, "onnx:int8-dynamic", store))
    assert (found["DynamicQuantizeLSTM"], found["MatMulInteger"]) == (1, 1)


def test_dynamic_after_an_exporter_left_shapes_of_a_gemm(tmp_path: Path, store: Path) -> None:
    """quantize_dynamic turns Gemm into MatMul + Add and then trips over the value_info that named its shape."""
    model = graphs.lstm_graph()
    head = model.graph.node[-1]
    head.CopyFrom(onnx.helper.make_node("Gemm", ["y_rows", "head_w", "head_b"], ["rows"], name="head"))
    rows, batch = (
        numpy_helper.from_array(np.array(v, np.int64), n) for v, n in (([-1, 32], "to"), ([1, -1, 4], "out"))
    )
    model.graph.initializer.extend([rows, batch, numpy_helper.from_array(np.zeros(4, np.float32), "head_b")])
    model.graph.node.insert(4, onnx.helper.make_node("Reshape", ["y_batch", "to"], ["y_rows"], name="rows"))
    model.graph.node.append(onnx.helper.make_node("Reshape", ["rows", "out"], ["logits"], name="batch"))
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("rows", 1, ["n", 4]))
    path = graphs.save(model, tmp_path / "gemm.onnx")
    source = ModelSource("gemm", graphs.lstm_contract(), path, model_sha256(path), None)
    assert operators(made(source, "onnx:int8-dynamic", store))["MatMulInteger"] == 1
    # The quantizer makes a MatMul of the Gemm before it looks for what is excluded.
    assert "MatMulInteger" not in operators(made(source, "onnx:int8-dynamic(exclude_nodes=head)", store))


def test_what_leads_to_a_state_can_be_left_alone(lstm: ModelSource, store: Path) -> None:
    found = operators(made(lstm, "onnx:int8-dynamic(exclude=recurrent)", store))
    assert (found["LSTM"], found["MatMulInteger"]) == (1, 1)


@pytest.mark.parametrize("options", ["", "(activation=s8,granularity=channel)", "(weight=u8)", "(reduce_range=yes)"])
def test_static_qdq(conv: ModelSource, store: Path, calibration: CalibrationStream, options: str) -> None:
    path = made(conv, f"onnx:int8-qdq{options}", store, calibration)
    model = onnx.load(path)
    assert count_operators(model)["QuantizeLinear"] >= 3
    weight = next(i for i in model.graph.initializer if i.name == "conv_1_w_quantized")
    values = numpy_helper.to_array(weight)
    assert values.dtype == (np.uint8 if "weight=u8" in options else np.int8)
    if "reduce_range" in options:
        assert np.abs(values).max() <= 64
    scales = next(i for i in model.graph.initializer if i.name == "conv_1_w_scale")
    assert int(np.prod(scales.dims)) == (16 if "channel" in options else 1)


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_calibration_methods(conv: ModelSource, store: Path, calibration: CalibrationStream, method: str) -> None:
    artifact = export(conv, Recipe.parse(f"onnx:int8-qdq(calibration={method})"), store, calibration)
    assert artifact.provenance.calibration_sha256 == calibration.sha256
    assert artifact.provenance.calibration_chunks == 60


def test_qoperator(conv: ModelSource, store: Path, calibration: CalibrationStream) -> None:
    assert operators(made(conv, "onnx:int8-qoperator", store, calibration))["QLinearConv"] == 3


def test_static_needs_recordings(conv: ModelSource, store: Path) -> None:
    with pytest.raises(ExportFailed, match="conv has no calibration audio"):
        export(conv, Recipe.parse("onnx:int8-qdq"), store)


@pytest.mark.parametrize(("precision", "bits"), [("int8-weight", 8), ("int4-weight", 4)])
def test_weight_only(lstm: ModelSource, store: Path, precision: str, bits: int) -> None:
    path = made(lstm, f"onnx:{precision}(block=16)", store)
    node = next(n for n in onnx.load(path).graph.node if n.op_type == "MatMulNBits")
    attributes = {a.name: a.i for a in node.attribute}
    assert attributes == {"K": 32, "N": 4, "bits": bits, "block_size": 16}


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights_are_within_one_step(bits: int) -> None:
    weight = np.random.default_rng(0).standard_normal((70, 5)).astype(np.float32)
    weight[:32, 0] = 0
    packed = pack(weight, bits, 32)
    codes = packed.blocks.astype(np.int32)
    if bits == 4:
        codes = np.stack([codes & 15, codes >> 4], axis=-1).reshape(5, 3, 32)
    values = ((codes - (1 << (bits - 1))) * packed.scales[:, :, None]).reshape(5, 96)[:, :70].T
    step = np.repeat(np.abs(packed.scales), 32, axis=1)[:, :70].T
    assert (np.abs(values - weight) <= step * 1.001).all()
    assert (np.abs(values - weight) <= 0.501 * step).mean() > 0.9


def test_convolutions_have_nothing_for_weight_only(conv: ModelSource, store: Path) -> None:
    with pytest.raises(ExportFailed, match=r"matrix products with constant weights only; .* Conv 3, Concat 2, Relu 2"):
        export(conv, Recipe.parse("onnx:int4-weight"), store)


@pytest.mark.parametrize("recipe", ["onnx:int8-qdq(exclude_types=Conv)", "onnx:int8-dynamic(exclude_types=Conv)"])
def test_nothing_left_to_quantize(conv: ModelSource, store: Path, calibration: CalibrationStream, recipe: str) -> None:
    with pytest.raises(ExportFailed, match=r"nothing to quantize: .* found Conv 3"):
        export(conv, Recipe.parse(recipe), store, calibration)


def test_fp16_that_excludes_everything_changes_nothing(conv: ModelSource, store: Path) -> None:
    recipe = Recipe.parse("onnx:fp16(exclude_types=Concat+Conv+Relu+Slice+Transpose)")
    with pytest.raises(ExportFailed, match="changes nothing in this graph of Conv 3"):
        export(conv, recipe, store)


def test_exclusion_by_name_and_type(
    conv: ModelSource, lstm: ModelSource, store: Path, calibration: CalibrationStream
) -> None:
    model = onnx.load(made(conv, "onnx:int8-qdq(exclude_nodes=conv_0+head)", store, calibration))
    kept = {i.name for i in model.graph.initializer}
    assert {"conv_0_w", "conv_1_w_quantized", "head_w"} <= kept
    found = operators(made(lstm, "onnx:int8-dynamic(exclude_types=LSTM)", store))
    assert (found["LSTM"], found["MatMulInteger"]) == (1, 1)
    assert "LSTM" in operators(made(lstm, "onnx:int8-dynamic(exclude_nodes=lstm)", store))


def test_unknown_exclusions_name_the_nearest(conv: ModelSource, store: Path, calibration: CalibrationStream) -> None:
    with pytest.raises(BadRecipe, match="exclude_nodes: the graph has no node conv_9") as error:
        export(conv, Recipe.parse("onnx:int8-qdq(exclude_nodes=conv_9)"), store, calibration)
    assert error.value.hint is not None
    assert "conv_0" in error.value.hint
    with pytest.raises(BadRecipe, match="no operator Cnov"):
        export(conv, Recipe.parse("onnx:fp16(exclude_types=Cnov)"), store)


def test_optimized_copy_and_ort_file(conv: ModelSource, store: Path) -> None:
    basic = made(conv, "onnx:fp32(optimize=all)", store)
    assert operators(basic) != operators(conv.onnx_path)
    artifact = export(conv, Recipe.parse("onnx:fp32(container=ort)"), store)
    assert artifact.suffix == ".ort"
    assert artifact.path.read_bytes()[4:8] == b"ORTM"
    assert any("another CPU" in note for note in artifact.provenance.notes)


def test_optimizing_what_is_optimal_already_is_refused(lstm: ModelSource, store: Path) -> None:
    with pytest.raises(ExportFailed, match="changes nothing in this graph of Transpose 2, LSTM 1, MatMul 1, Squeeze 1"):
        export(lstm, Recipe.parse("onnx:fp32(optimize=extended)"), store)


def test_nothing_reaches_the_terminal(
    conv: ModelSource, store: Path, calibration: CalibrationStream, capfd: pytest.CaptureFixture[str]
) -> None:
    for recipe in (
        "onnx:int8-qdq(calibration=percentile)",
        "onnx:int8-dynamic",
        "onnx:fp16",
        "onnx:fp32(optimize=all)",
    ):
        export(conv, Recipe.parse(recipe), store, calibration)
    assert capfd.readouterr() == ("", "")


RECIPES = (
    "onnx:fp16",
    "onnx:fp32(optimize=all)",
    "onnx:int8-dynamic(weight=u8)",
    "onnx:int8-qdq(calibration=percentile,granularity=channel,optimize=all,reduce_range=yes)",
    "onnx:int8-qoperator",
)
PROGRAM = """
import sys
from pathlib import Path
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.source import ModelSource
from tests import graphs

if __name__ == "__main__":
    contract = graphs.conv_contract(graphs.conv_graph())
    source = ModelSource("conv", contract, Path(sys.argv[1]), "0" * 64, None)
    calibration = CalibrationStream(tuple(graphs.babble(0.5, s) for s in range(2)), max_feeds=20)
    exporter = Exporter(source, Path(sys.argv[2]), calibration)
    for text in sys.argv[3:]:
        print(exporter.export(Recipe.parse(text)).sha256)
"""


def test_the_same_export_gives_the_same_bytes_in_another_process(conv: ModelSource, tmp_path: Path) -> None:
    """Set order (hash seed), addresses and time differ; the bytes must not."""
    runs = []
    for seed in ("1", "2"):
        argv = [sys.executable, "-c", PROGRAM, str(conv.onnx_path), str(tmp_path / seed), *RECIPES]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=True, timeout=120)
        runs.append(done.stdout.split())
    assert len(runs[0]) == len(RECIPES)
    assert runs[0] == runs[1]


def test_ort_files_are_the_same_where_addresses_can_be_fixed(conv: ModelSource, tmp_path: Path) -> None:
    recipe = Recipe.parse("onnx:fp32(container=ort)")
    one, other = (export(conv, recipe, tmp_path / name) for name in ("one", "other"))
    varies = any("other bytes" in note for note in one.provenance.notes)
    assert varies or one.sha256 == other.sha256
