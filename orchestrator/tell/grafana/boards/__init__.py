"""The dashboards, one a file. ``BOARDS`` has them in the order of the menu."""

from orchestrator.tell.grafana.board import Board
from orchestrator.tell.grafana.boards import compare, device, energy, farm, lab, model, regressions

BOARDS: tuple[Board, ...] = (
    lab.BOARD,
    device.BOARD,
    model.BOARD,
    regressions.BOARD,
    energy.BOARD,
    compare.BOARD,
    farm.BOARD,
)
