"""64 MiB are on their way when the cable is cut: the file arrives whole, or it is not there."""

import os
import threading
from pathlib import Path

from orchestrator.measure.deploy.push import push_blobs
from tests.lab.faults.board import ROOT, Board
from tests.orchestrator.measure.sessions import file_of

SIZE = 64 << 20


def test_cut_at_half(pi5: Board, tmp_path: Path) -> None:
    file = file_of(tmp_path / "large.onnx", os.urandom(SIZE))
    threads = []

    def cut_once(sent: int, total: int) -> None:
        if sent > total // 2 and not threads:
            pi5.link.cut()
            threads.append(threading.Timer(4.0, pi5.link.restore))
            threads[0].start()

    with pi5.agent() as agent:
        report = push_blobs(agent, [file], on_progress=cut_once)
        threads[0].join()
        there = pi5.path(ROOT) / "blobs" / file[1].file_name
        assert there.read_bytes() == file[0].read_bytes()
        # It went on where it was: what was sent twice is what was on its way.
        assert report.bytes_sent < SIZE * 1.25
        assert push_blobs(agent, [file]).bytes_sent == 0
    assert list((pi5.path(ROOT) / "incoming").iterdir()) == []
    there.unlink()
    pi5.assert_nothing_left()
