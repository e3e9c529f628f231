"""Secrets on the command line: by reference only, since everybody who lists processes sees what is typed."""

import os
from pathlib import Path
from typing import Any

import click


class Credential(click.ParamType[str]):
    """``env:NAME`` or ``file:PATH``; becomes the secret itself, without white space around it."""

    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, _, where = str(value).partition(":")
        if kind not in ("env", "file") or not where:
            self.fail("write where the secret is, not the secret: env:NAME or file:PATH", param, ctx)
        try:
            found = os.environ.get(where) if kind == "env" else Path(where).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            self.fail(f"cannot read {where}: {exc}", param, ctx)
        secret = (found or "").strip()
        if not secret or not secret.isprintable():
            self.fail(f"{value} holds no secret", param, ctx)
        return secret
