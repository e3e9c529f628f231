"""Clients of bundles that need a runtime or a compiler from npm: ``make test-clients``, 270 MB to install."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.decide.bundle import clients

if "EARSHOT_CLIENTS" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

_CLIENTS = Path(clients.__file__).parent
# Kotlin's own compiler, as npm has it.
_KOTLIN = "kotlin-compiler@2.3.21"
# Android's own org.json, which the client reads its files with; package libandroid-json-org-java.
_JSON = Path("/usr/share/java/json-android.jar")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the TypeScript client names in its package.json, installed."""
    folder = tmp_path_factory.mktemp("npm")
    shutil.copyfile(_CLIENTS / "typescript" / "package.json", folder / "package.json")
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=600)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that starts the Kotlin client, compiled, with Piped.kt around it."""
    folder = tmp_path_factory.mktemp("kotlin")
    (folder / "package.json").write_text("{}")
    argv = ["npm", "install", "--no-audit", "--no-fund", "--silent", _KOTLIN]
    subprocess.run(argv, cwd=folder, check=True, timeout=600)
    library = folder / "node_modules" / "kotlin-compiler" / "lib"
    classes = f"{_JSON}:{library / 'kotlin-stdlib.jar'}"
    sources = [*_CLIENTS.glob("kotlin/*.kt"), Path(__file__).parent / "kotlin" / "Piped.kt"]
    # What a graph's file imports is Android's.
    own = [str(path) for path in sources if not path.name.endswith("Graph.kt")]
    compiler = [
        "java",
        "-cp",
        f"{library}/*",
        "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        "-no-stdlib",
        "-no-reflect",
    ]
    subprocess.run([*compiler, "-cp", classes, "-d", str(folder / "classes"), *own], check=True, timeout=600)
    return ["java", "-cp", f"{folder / 'classes'}:{classes}", "earshot.stream.PipedKt"]
