"""Clients of bundles built with what npm has: TypeScript's compiler and ONNX Runtime, Kotlin's compiler."""

import shutil
import subprocess
from pathlib import Path

from orchestrator.decide.bundle import clients

CLIENTS = Path(clients.__file__).parent
_KOTLIN = "kotlin-compiler@2.3.21"
# Android's own org.json, which the Kotlin client reads its files with; package libandroid-json-org-java.
JSON = Path("/usr/share/java/json-android.jar")


def typescript(folder: Path) -> Path:
    """The folder of the built client, with the packages that its package.json names."""
    shutil.copytree(CLIENTS / "typescript", folder, dirs_exist_ok=True)
    _npm(folder)
    subprocess.run([folder / "node_modules" / ".bin" / "tsc"], cwd=folder, check=True, timeout=300)
    return folder / "build"


def kotlin(folder: Path, main: Path) -> list[str]:
    """The command that starts ``main``, compiled with the client on a JVM. What a graph's file imports is Android's."""
    (folder / "package.json").write_text("{}")
    _npm(folder, _KOTLIN)
    library = folder / "node_modules" / "kotlin-compiler" / "lib"
    classes = f"{JSON}:{library / 'kotlin-stdlib.jar'}"
    sources = [main, *(path for path in CLIENTS.glob("kotlin/*.kt") if not path.name.endswith("Graph.kt"))]
    compiler = [
        "java",
        "-cp",
        f"{library}/*",
        "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        "-no-stdlib",
        "-no-reflect",
    ]
    argv = [*compiler, "-cp", classes, "-d", str(folder / "classes"), *map(str, sources)]
    subprocess.run(argv, check=True, timeout=600)
    return ["java", "-cp", f"{folder / 'classes'}:{classes}", f"earshot.stream.{main.stem}Kt"]


def _npm(folder: Path, *packages: str) -> None:
    argv = ["npm", "install", "--no-audit", "--no-fund", "--silent", *packages]
    subprocess.run(argv, cwd=folder, check=True, timeout=600)
