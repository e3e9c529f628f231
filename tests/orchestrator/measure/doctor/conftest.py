"""Boards of these tests."""

from tests.benches import bench, make_bench

__all__ = ["bench", "make_bench"]
