"""Secrets on the command line, by reference: their values would be seen by everybody who lists processes."""

import os
from pathlib import Path
from typing import Any

import click


class Secret(click.ParamType[str]):
    """env:NAME or file:PATH; the value is what stands there, without a line end."""

    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, _, where = str(value).partition(":")
        if kind not in ("env", "file") or not where:
            self.fail("a secret is given by reference: env:NAME or file:PATH", param, ctx)
        found = os.environ.get(where) if kind == "env" else self._of_file(Path(where).expanduser(), param, ctx)
        if not found or not found.strip():
            self.fail(f"nothing stands in {value}", param, ctx)
        return found.strip()

    def _of_file(self, path: Path, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError) as exc:
            self.fail(f"{path} cannot be read: {exc}", param, ctx)
