"""Dashboards as files: written, and compared with what is there."""

import json
from collections.abc import Iterator
from pathlib import Path

from orchestrator.tell.grafana.board import Board


def text_of(board: Board) -> str:
    """The file of a dashboard: the same for the same code, on every machine."""
    return json.dumps(board.as_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(boards: tuple[Board, ...], folder: Path) -> list[Path]:
    """One file for each. Raises OSError where the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for board in boards:
        path = folder / board.file_name
        path.write_text(text_of(board))
        written.append(path)
    return written


def differing(boards: tuple[Board, ...], folder: Path) -> Iterator[str]:
    """Sentences about files that are not what the code makes."""
    names = {board.file_name for board in boards}
    for board in boards:
        path = folder / board.file_name
        if not path.is_file():
            yield f"{path} is missing"
        elif path.read_text() != text_of(board):
            yield f"{path} is not what the code makes"
    for path in sorted(folder.glob("*.json")):
        if path.name not in names:
            yield f"{path} is none of Earshot's dashboards"
