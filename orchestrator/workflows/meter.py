"""The live meter of a session: how far it is, and how much audio waits."""

from agents import wire
from agents.contract import StreamContract

_CELLS = 10
# The meter's scale: a second of audio that waits is a stream that a listener has given up.
_FULL_S = 1.0


def meter_text(event: wire.Event, contract: StreamContract, chunk_samples: int) -> str | None:
    """For the terminal; None for an event that says nothing about it."""
    done, total = event.data.get("done"), event.data.get("total")
    if event.kind != "progress" or not isinstance(done, int) or not isinstance(total, int) or total <= 0:
        return None
    text = f"{100 * done / total:3.0f} %"
    backlog = event.data.get("backlog")
    if not isinstance(backlog, int):
        return text
    waiting_s = backlog * contract.chunk_s(chunk_samples)
    cells = min(_CELLS, round(_CELLS * waiting_s / _FULL_S))
    return f"{text}  backlog {'#' * cells}{'.' * (_CELLS - cells)} {backlog} ({waiting_s:.2f} s)"
