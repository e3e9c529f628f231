"""python -m earshot_stream AUDIO.wav [--bundle FOLDER] [--device NAME] [--words FILE.csv]

AUDIO.wav is mono and 16 bit, at the rate of the model; a swipe is one of x and y in turn. Prints what is heard: the
time, the label and its score, and where words are ranked the others with theirs.
"""

import argparse
import sys
import wave
from pathlib import Path

import numpy as np

from .bundle import Bundle
from .stream import Event, Stream
from .trie import read_words

# This file is in BUNDLE/clients/python/earshot_stream/.
_HERE = Path(__file__).resolve().parents[3]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m earshot_stream", description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--bundle", type=Path, default=_HERE, help="the bundle's folder; the one around this client")
    parser.add_argument("--device", help="as device_support.json names it; the bundle's own by default")
    parser.add_argument("--words", type=Path, help="a user's own words, CSV with the columns word and count")
    given = parser.parse_args()
    stream = Stream.open(Bundle.read(given.bundle), given.device)
    if given.words:
        stream.use_words(read_words(given.words))
    with wave.open(str(given.audio)) as audio:
        form = (audio.getnchannels(), audio.getsampwidth(), audio.getframerate())
        if form != (1, 2, stream.sample_rate_hz):
            sys.exit(f"{given.audio} must be mono, 16 bit, {stream.sample_rate_hz} Hz")
        while data := audio.readframes(stream.chunk_samples):
            _print(stream.push(np.frombuffer(data, np.int16)))
    _print(stream.finish())


def _print(events: list[Event]) -> None:
    for event in events:
        others = "".join(f"  {word} {share:.3f}" for word, share in event.words[1:])
        print(f"{event.time_s:8.2f} s  {event.label}  {event.score:.3f}{others}", flush=True)


if __name__ == "__main__":
    main()
