import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator.errors import EarshotError
from orchestrator.measure.deploy.archive import agents_folder, build_agent_archive

MAIN = "import sys\nfrom agents.sub import NAME\n\ndef main():\n    print(NAME, sys.argv[1:])\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small package that says what it was called with."""
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").write_text("EARSHOT_AGENT = 1\n")
    (folder / "__main__.py").write_text(MAIN)
    (folder / "sub" / "__init__.py").write_text("NAME = 'sub'\n")
    (folder / "notes.txt").write_text("not code")
    return folder


def test_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first = build_agent_archive(tmp_path / "a", source)
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    second = build_agent_archive(tmp_path / "b", source)
    assert second.path.read_bytes() == first.path.read_bytes()
    assert second.sha256 == first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.path.name == f"agent-{first.sha256[:16]}.zip"
    assert first.size_bytes == first.path.stat().st_size


def test_any_change_of_the_source_changes_the_name(source: Path, tmp_path: Path) -> None:
    first = build_agent_archive(tmp_path, source)
    (source / "sub" / "__init__.py").write_text("NAME = 'other'\n")
    assert build_agent_archive(tmp_path, source).path.name != first.path.name


def test_holds_only_code(source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build_agent_archive(tmp_path, source).path) as archive:
        names = archive.namelist()
    assert names == ["__main__.py", "agents/__init__.py", "agents/__main__.py", "agents/sub/__init__.py"]


def test_runs_by_itself(source: Path, tmp_path: Path) -> None:
    archive = build_agent_archive(tmp_path, source)
    done = subprocess.run([sys.executable, "-S", archive.path, "a b"], capture_output=True, text=True, cwd="/")
    assert (done.stdout, done.stderr) == ("sub ['a b']\n", "")


def test_a_damaged_archive_is_built_again(source: Path, tmp_path: Path) -> None:
    archive = build_agent_archive(tmp_path, source)
    archive.path.write_bytes(b"cut")
    assert build_agent_archive(tmp_path, source) == archive
    assert hashlib.sha256(archive.path.read_bytes()).hexdigest() == archive.sha256


def test_our_own_agent_is_found_and_packed(tmp_path: Path) -> None:
    assert (agents_folder() / "wire" / "spec.py").exists()
    with zipfile.ZipFile(build_agent_archive(tmp_path).path) as archive:
        assert "agents/wire/spec.py" in archive.namelist()


@pytest.mark.parametrize("regular", [True, False])
def test_a_foreign_agents_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regular: bool) -> None:
    (tmp_path / "agents").mkdir()
    if regular:
        (tmp_path / "agents" / "__init__.py").write_text("class Agent: ...\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in [n for n in sys.modules if n.split(".")[0] == "agents"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(EarshotError, match=f"{tmp_path}/agents.* is not Earshot's") as caught:
        build_agent_archive(tmp_path / "out")
    assert "openai-agents" in str(caught.value.hint)
