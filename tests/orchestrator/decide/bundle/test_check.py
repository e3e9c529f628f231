"""A bundle is checked as it is written, and each way to break it is told."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.decide.bundle.check import check_bundle
from orchestrator.decide.bundle.making import making
from orchestrator.decide.bundle.support import takes
from orchestrator.errors import BadInput
from orchestrator.make.models import reference
from tests.orchestrator.decide.bundle import transducers
from tests.orchestrator.decide.bundle.bundles import bundle_of, with_fallbacks
from tests.orchestrator.decide.bundle.cases import LEXICON


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    contract, encoder, step = transducers.swipes(tmp_path)
    return bundle_of(contract.model, tmp_path, encoder, contract=contract, step=step, lexicon=LEXICON)


def test_what_is_written_is_whole(bundle: Path) -> None:
    found = check_bundle(bundle)
    assert (found.model, found.problems) == ("swiped", ())
    assert found.file_count == sum(path.is_file() for path in bundle.rglob("*")) - 1


@pytest.mark.parametrize(
    "path", [reference.onnx_path("kws"), reference.tflite_path("kws")], ids=lambda path: path.suffix
)
def test_formats_whose_files_name_their_tensors(tmp_path: Path, path: Path) -> None:
    runtime, recipe = ("onnxruntime", "onnx:fp32") if path.suffix == ".onnx" else ("litert", "litert:fp32")
    assert check_bundle(bundle_of("kws", tmp_path, path, recipe, runtime)).problems == ()


def rewrite(bundle: Path, name: str, change: Callable[[Any], None]) -> None:
    """As somebody does who also brings the manifest up to date."""
    path = bundle / name
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    register(bundle, name)


def register(bundle: Path, name: str) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    data = (bundle / name).read_bytes()
    manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def other_chunk(support: Any) -> None:
    for configuration in support["configurations"].values():
        configuration["chunk_samples"] = 31


def unknown_fallback(support: Any) -> None:
    support["device_support"][0]["fallback"].append("cafe")


def no_lexicon(support: Any) -> None:
    for configuration in support["configurations"].values():
        del configuration["files"]["lexicon"]


def other_default(support: Any) -> None:
    support["default"]["default"] = "cafe"


def same_prefix(support: Any) -> None:
    support["device_support"].append(support["device_support"][0])


def no_prefixes(support: Any) -> None:
    del support["device_support"][0]["identifier_prefixes"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (no_prefixes, "is not of this form: KeyError 'identifier_prefixes'"),
        (other_chunk, "chunks of 31 samples are none of (32,)"),
        (unknown_fallback, "nothing is shipped for cafe of a fallback chain"),
        (no_lexicon, "a trie decoder needs the part lexicon, which is not shipped"),
        (other_default, "does not begin with the default cafe"),
        (same_prefix, "the prefix 'Synthetic Board' belongs to two entries"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_support_file_that_does_not_fit_is_told(bundle: Path, change: Callable[[Any], None], said: str) -> None:
    rewrite(bundle, "device_support.json", change)
    assert any(said in problem for problem in check_bundle(bundle).problems)


def test_a_graph_that_is_not_the_contract_s_is_told(bundle: Path) -> None:
    shutil.copyfile(bundle / "swiped.onnx", bundle / "swiped-step.onnx")
    register(bundle, "swiped-step.onnx")
    digest = hashlib.sha256((bundle / "swiped.onnx").read_bytes()).hexdigest()

    def name_it(told: Any) -> None:
        for configuration in told.get("configurations", {"one": told.get("configuration")}).values():
            configuration["files"]["step"]["sha256"] = digest

    rewrite(bundle, "device_support.json", name_it)
    assert any("swiped-step.onnx has no input frame, h_in, token" in p for p in check_bundle(bundle).problems)


@pytest.mark.parametrize(("content", "said"), [("", "is not the file"), (None, "is not there")])
def test_a_changed_or_lost_file_is_told(bundle: Path, content: str | None, said: str) -> None:
    path = bundle / "swiped-lexicon.csv"
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert [p for p in check_bundle(bundle).problems if "swiped-lexicon.csv" in p and said in p]


def test_a_stray_file_is_told_but_not_what_a_client_leaves(bundle: Path) -> None:
    (bundle / "clients" / "python" / "cache.pyc").write_text("")
    assert check_bundle(bundle).problems == ()
    (bundle / "other.onnx").write_text("")
    assert check_bundle(bundle).problems == ("other.onnx is not in the manifest",)


def test_what_is_no_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is no bundle: it has no manifest\.json"):
        check_bundle(tmp_path)
    rewrite(bundle, "manifest.json", lambda manifest: manifest.update(schema=1))
    with pytest.raises(BadInput, match="has schema 1, this Earshot knows 2"):
        check_bundle(bundle)


def test_what_a_device_falls_back_to_is_shipped_and_described(tmp_path: Path) -> None:
    folder, candidates = with_fallbacks(tmp_path)
    keys = [c.key for c in candidates]
    found = check_bundle(folder)
    assert found.problems == ()
    (entry,) = found.support["device_support"]
    assert entry["fallback"] == keys
    assert takes(found.support, "Synthetic Board v2") == entry
    assert takes(found.support, "Another") == found.support["default"]
    assert found.support["default"]["fallback"] == keys[-1:]
    names = [found.support["configurations"][key]["files"]["graph"]["name"] for key in keys]
    assert names == ["kws.onnx", "kws.onnx", f"fallback/{candidates[-1].artifact_sha256[:12]}.tflite"]


def test_the_longest_prefix_wins() -> None:
    entries = [{"identifier_prefixes": [prefix]} for prefix in ("Pixel", "Pixel 8 Pro", "Pixel 8")]
    support = {"device_support": entries, "default": {}}
    assert takes(support, "Pixel 8 Pro (husky)") == entries[1]
    assert takes(support, "Pixel 8a") == entries[2]
    assert takes(support, "SM-A546B") == {}


def test_it_says_which_earshot_wrote_it(bundle: Path) -> None:
    told = json.loads((bundle / "recommendation.json").read_text())["provenance"]["bundled_by"]
    assert told == making()
    assert told["earshot"]
    assert told["commit"] or told["reason"]
