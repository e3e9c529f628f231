"""A PyTorch module by name: where it is defined, what its bytes depend on. Imports torch only to load it."""

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import BadModel, ExportFailed

TORCH_HINT = "pip install 'earshot[export]' (2.6 GB with torch)"


@dataclass(frozen=True)
class ModuleRef:
    """``target``: "package.module:function" or "/path/file.py:function", called with ``args``, gives an ``nn.Module``
    with its weights.

    The module is called with (input, *states, *constants) in the contract's order and gives (*outputs, *new states);
    that of a step graph with (token, frame, *states) and gives (logits, *new states). ``files``: what it is made of
    (weights, code), so that a change of them makes another model.
    """

    target: str
    args: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        place, _, function = self.target.rpartition(":")
        if not place or not function.isidentifier():
            raise BadModel(f"a module is named like package.module:function, got {self.target!r}")

    @property
    def sha256(self) -> str:
        """Over target, arguments and the files' content, wherever these lie. Raises BadModel where one is not read."""
        args = tuple(_without_folder(arg) for arg in self.args)
        digest = hashlib.sha256(repr((_without_folder(self.target), args)).encode())
        for path in self.files:
            try:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as exc:
                raise BadModel(f"cannot read {path}: {exc.strerror or exc}", hint="the model needs this file") from exc
        return digest.hexdigest()

    def load(self) -> Any:
        """The module. Raises ExportFailed where torch is missing, BadModel where its own code fails."""
        function = imported_function(self.target)
        try:
            made = function(*self.args)
        except BadModel:
            raise
        except ModuleNotFoundError as exc:
            raise _needs(self.target, exc) from exc
        except Exception as exc:  # a user's code may raise anything
            raise BadModel(
                f"{self.target} failed: {type(exc).__name__}: {exc}", hint="run it in Python by itself"
            ) from exc
        return made.eval()


def _without_folder(text: str) -> str:
    """An absolute path, or "/path/file.py:function", without the folder: the file's content is hashed beside it."""
    return text.rpartition("/")[2] if text.startswith("/") else text


def imported_function(target: str) -> Any:
    """What "package.module:name" or "/path/file.py:name" means. Raises ExportFailed where a package that it needs is
    missing, BadModel where there is no such thing or its file fails."""
    place, _, name = target.rpartition(":")
    try:
        return getattr(_imported(place), name)
    except ModuleNotFoundError as exc:
        raise _needs(target, exc) from exc
    except (ImportError, AttributeError, ValueError) as exc:
        raise BadModel(f"{target} cannot be imported: {exc}", hint="name it file.py:function") from exc
    except BadModel:
        raise
    except Exception as exc:  # a user's code may raise anything
        raise BadModel(f"{target} failed: {type(exc).__name__}: {exc}", hint="run it in Python by itself") from exc


def _needs(target: str, missing: ModuleNotFoundError) -> ExportFailed:
    return ExportFailed(f"the PyTorch model {target} needs {missing.name}", hint=TORCH_HINT)


def _imported(place: str) -> Any:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place).resolve()
    if not path.is_file():
        raise BadModel(f"there is no file {path}", hint="the model is defined there: name its file.py:function")
    name = f"earshot_model_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Before it runs: dataclasses look their module up.
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
