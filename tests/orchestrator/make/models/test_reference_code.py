"""What a reference model is made of: a change in any of it makes another model. Needs no torch."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.make.models import reference
from orchestrator.make.models.reference_source import reference_source

ROOT = Path(reference.__file__).parent


@pytest.mark.parametrize(
    ("name", "files"),
    {
        # kws takes its prior off the weights when it is loaded.
        "kws": {"kws/load.py", "kws/model.py", "kws/prior.py", "kws/words.py", "weights.py"},
        # Labels by its keyboard's layout.
        "gesture-rnnt": {"conformer.py", "gesture_rnnt/layout.py", "gesture_rnnt/model.py", "rnnt.py"},
        "digits-conformer": {
            "conformer.py",
            "digits_conformer/model.py",
            "digits_lstm/corpora.py",
            "rnnt.py",
            "speech.py",
        },
    }.items(),
)
def test_the_code_that_a_module_is_built_of(name: str, files: set[str]) -> None:
    assert {path.relative_to(ROOT).as_posix() for path in reference.code_paths(name)} == files
    module = reference_source(name).module
    assert module is not None
    assert set(module.files) == {reference.weights_path(name), *reference.code_paths(name)}


def test_all_that_loading_imports_is_among_it() -> None:
    """Held against Python itself, with stand-ins for torch's modules, which need not be there."""
    program = f"""
        import importlib, sys
        from unittest.mock import MagicMock
        for name in ("torch", "torch.nn", "torch.nn.functional", "safetensors", "safetensors.torch"):
            sys.modules[name] = MagicMock(name=name)
        class Module: pass
        sys.modules["torch"].nn.Module = sys.modules["torch.nn"].Module = Module
        sys.modules["torch"].nn = sys.modules["torch.nn"]
        before = set(sys.modules)
        importlib.import_module(sys.argv[1])
        print(*[m for m in set(sys.modules) - before if m.startswith({reference.__name__ + "."!r})])
    """
    for name, target in reference.MODULES.items():
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), target.partition(":")[0]],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        paths = {ROOT.joinpath(*m.removeprefix(f"{reference.__name__}.").split(".")) for m in done.stdout.split()}
        files = {path.with_suffix(".py") for path in paths if not path.is_dir()}
        assert files <= set(reference.code_paths(name)), name


def test_an_unknown_name() -> None:
    with pytest.raises(BadInput, match="no reference model 'other'"):
        reference.code_paths("other")
