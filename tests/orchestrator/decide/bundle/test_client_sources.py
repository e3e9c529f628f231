"""Clients whose compilers are not to be had here parse whole: tree-sitter finds no error in them."""

from pathlib import Path
from typing import Any

import pytest
import tree_sitter_kotlin
import tree_sitter_swift
from tree_sitter import Language, Parser

from orchestrator.decide.bundle import clients

PLACE = Path(clients.__file__).parent
SOURCES = sorted(PLACE.glob("kotlin/*.kt")) + sorted(PLACE.glob("swift/*.swift"))


def parser_of(path: Path) -> Parser:
    grammar: Any = tree_sitter_kotlin if path.suffix == ".kt" else tree_sitter_swift
    return Parser(Language(grammar.language()))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_parses(path: Path) -> None:
    assert not parser_of(path).parse(path.read_bytes()).root_node.has_error


@pytest.mark.parametrize("path", SOURCES[:1] + SOURCES[-1:], ids=lambda path: path.name)
def test_a_mistake_would_be_found(path: Path) -> None:
    assert parser_of(path).parse(path.read_bytes().replace(b"{", b"", 1)).root_node.has_error
