"""Columns as the steps have written them: their types never change, whatever ``tables.py`` comes to say."""

from typing import Any

import sqlalchemy as sa


def text(name: str, refers: str = "", **options: Any) -> "sa.Column[Any]":
    """``refers``: the column that it refers to, TABLE.COLUMN."""
    keys = [sa.ForeignKey(refers)] if refers else []
    return sa.Column(name, sa.String(collation="C"), *keys, nullable=options.pop("nullable", False), **options)


def whole(name: str, refers: str = "", **options: Any) -> "sa.Column[Any]":
    keys = [sa.ForeignKey(refers)] if refers else []
    return sa.Column(name, sa.BigInteger(), *keys, nullable=options.pop("nullable", False), **options)


def real(name: str, **options: Any) -> "sa.Column[Any]":
    return sa.Column(name, sa.Float(), nullable=options.pop("nullable", False), **options)


def record(name: str = "record", **options: Any) -> "sa.Column[Any]":
    return sa.Column(name, sa.JSON(), nullable=options.pop("nullable", False), **options)


def content(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def small(name: str, refers: str = "", **options: Any) -> "sa.Column[Any]":
    keys = [sa.ForeignKey(refers)] if refers else []
    return sa.Column(name, sa.Integer(), *keys, nullable=options.pop("nullable", False), **options)


def numbered(name: str = "number") -> "sa.Column[Any]":
    """By the database, on and on."""
    return sa.Column(name, sa.Integer(), primary_key=True, autoincrement=True, nullable=False)
