"""Decoders: the graph's first output to events, chunk by chunk."""

from typing import Optional

from agents.contract import Decoder
from agents.decode.ctc import GreedyCtc
from agents.decode.keyword import KeywordDecoder
from agents.decode.none import NoDecoder
from agents.decode.result import Decoded, Event, StreamDecoder
from agents.decode.rnnt import GreedyRnnt
from agents.decode.rnnt_beam import BeamRnnt
from agents.decode.step_graph import Search
from agents.decode.trie_lexicon import lexicon_of
from agents.decode.trie_search import TrieDecoder
from agents.decode.vad import VoiceActivity

__all__ = ["Decoded", "Event", "StreamDecoder", "make_decoder"]


def make_decoder(decoder: Decoder, search: Optional[Search] = None) -> StreamDecoder:
    """The decoder that a contract names, at the start of a stream. Raises ValueError for a search without its graph."""
    if decoder.kind == "keyword":
        return KeywordDecoder(decoder)
    if decoder.kind == "ctc":
        return GreedyCtc(decoder)
    if decoder.kind == "vad":
        return VoiceActivity(decoder)
    if decoder.kind == "none":
        return NoDecoder()
    if search is None:
        raise ValueError(f"the decoder {decoder.kind} needs the model's second graph")
    if decoder.kind == "trie":
        return TrieDecoder(decoder, search, lexicon_of(decoder, search.files))
    return GreedyRnnt(decoder, search) if decoder.beam == 1 else BeamRnnt(decoder, search)
