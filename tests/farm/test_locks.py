"""A writer that is cut off in the middle of a transaction: who waits for the same thing does not wait for ever."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger
from tests.farm.hub import ADDRESS, CUTS, SUBNET, Cable, Hub
from tests.farm.site import REPOSITORY
from tests.postgres import Where, postgres

_WRITER = """
import sys, pathlib
from orchestrator.ledger import postgres
from orchestrator.ledger.ledger import Ledger
postgres.SILENT_WRITER_S = 1
with Ledger.open(pathlib.Path(sys.argv[1])) as ledger, ledger.transaction("farm orders") as connection:
    connection.exec_driver_sql("SELECT 1")
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", CUTS)
def test_it_holds_nothing_for_long(tmp_path: Path, how: str) -> None:
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(contextlib.closing(Hub()))
        server = stack.enter_context(postgres(where=Where(tuple(hub.namespace.argv([])), ADDRESS, SUBNET)))
        cable = stack.enter_context(contextlib.closing(Cable(hub, 1)))
        desk, site = _attached(tmp_path / "desk", server.socket_url()), _attached(tmp_path / "site", server.url())
        ledger = stack.enter_context(Ledger.open(desk))
        argv = cable.site.argv([sys.executable, "-c", _WRITER, str(site)])
        writer = stack.enter_context(
            subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(writer.kill)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "inside\n"
        cable.cut(how)
        # Waits for the lock for ``BUSY_TIMEOUT_S`` at most, and raises LedgerError then.
        with ledger.transaction("farm orders") as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def _attached(folder: Path, url: str) -> Path:
    folder.mkdir()
    (folder / "ledger.url").write_text(url + "\n")
    return folder / "ledger.db"
