"""Decoders: the graph's first output to events, chunk by chunk."""

from agents.contract import Decoder
from agents.decode.ctc import GreedyCtc
from agents.decode.keyword import KeywordDecoder
from agents.decode.none import NoDecoder
from agents.decode.result import Decoded, Event, StreamDecoder

__all__ = ["Decoded", "Event", "StreamDecoder", "make_decoder"]


def make_decoder(decoder: Decoder) -> StreamDecoder:
    """The decoder that a contract names, at the start of a stream."""
    if decoder.kind == "keyword":
        return KeywordDecoder(decoder)
    if decoder.kind == "ctc":
        return GreedyCtc(decoder)
    return NoDecoder()
