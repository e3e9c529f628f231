"""The TypeScript client of a bundle under Node, with onnxruntime-web, on the bundle's own artifact."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.real import REAL
from tests.orchestrator.decide.bundle.cases import CASES


@pytest.mark.parametrize("name", [*CASES, *REAL])
def test_it_hears_what_the_agent_hears(tmp_path: Path, main_js: Path, name: str) -> None:
    case = {**CASES, **REAL}[name](tmp_path)
    argv = ["node", main_js, case.audio, case.bundle, *([case.words] if case.words else [])]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["label"] for e in heard] == [e["label"] for e in case.events]
    assert [e["timeS"] for e in heard] == pytest.approx(case.times_s)
    if name != "keyword":
        assert [e["score"] for e in heard] == pytest.approx([e["score"] for e in case.events], abs=1e-3)
    for told, event in zip(heard, case.events, strict=True):
        words = event.get("words", [])
        assert [word for word, _ in told.get("words", [])] == [w["word"] for w in words]
        assert [share for _, share in told.get("words", [])] == pytest.approx([w["score"] for w in words], abs=1e-3)
