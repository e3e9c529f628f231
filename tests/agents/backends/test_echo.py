"""The stand-in's work is work: the same arithmetic for each chunk, and none unless it was asked for."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from agents.backends.echo import EchoBackend
from agents.failure import Failure
from tests.agents.device import Device


def echo(root: Path, **options: str) -> EchoBackend:
    return EchoBackend(Device(root).spec(runtime="echo", provider="echo", session_options=options), "")


@pytest.mark.parametrize(("work", "rounds"), [("0", 0), ("7", 7)])
def test_as_many_rounds_a_chunk_as_were_asked_for(tmp_path: Path, work: str, rounds: int) -> None:
    backend = echo(tmp_path, work=work)
    with patch("agents.backends.echo.np.exp", wraps=np.exp) as exp:
        for _ in range(3):
            backend.step()
    assert exp.call_count == 3 * rounds


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="unknown session option 'wrok' of echo; known are service_us"):
        echo(tmp_path, wrok="7")
