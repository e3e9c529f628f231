"""Where each word begins in what espeak-ng says: ``python espeak_words.py VOICE SPEED PITCH GAP TEXT``.

Prints a JSON list: the first sample of each word, then the length of the whole. A process of its own for each
utterance: what the library says depends on what it said before.
"""

import ctypes
import json
import sys
from typing import Any

# speak_lib.h of espeak-ng 1.51: espeak_AUDIO_OUTPUT, espeak_EVENT_TYPE, espeak_PARAMETER, and espeakCHARS_UTF8 with
# espeakENDPAUSE, which the program sets too.
_SYNCHRONOUS, _WORD, _LAST = 2, 1, 0
_RATE, _PITCH, _WORD_GAP = 1, 3, 7
_UTF8_WITH_PAUSE = 0x1001


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_int),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def word_starts(voice: str, speed_wpm: int, pitch: int, word_gap: int, text: str) -> list[int]:
    """At the library's rate, 22,050 Hz. Raises OSError without the library, ValueError where it refuses."""
    espeak = ctypes.CDLL("libespeak-ng.so.1")
    starts: list[int] = []
    counts: list[int] = []

    def hear(wave: Any, count: int, events: Any) -> int:
        counts.append(count if wave else 0)
        number = 0
        while events[number].type != _LAST:
            # A word without letters is the end of the text.
            if events[number].type == _WORD and events[number].length:
                starts.append(events[number].sample)
            number += 1
        return 0

    callback = _Callback(hear)
    espeak.espeak_Initialize(_SYNCHRONOUS, 500, None, 0)
    espeak.espeak_SetSynthCallback(callback)
    failed = espeak.espeak_SetVoiceByName(voice.encode())
    for parameter, value in ((_RATE, speed_wpm), (_PITCH, pitch), (_WORD_GAP, word_gap)):
        failed |= espeak.espeak_SetParameter(parameter, value, 0)
    spoken = text.encode()
    failed |= espeak.espeak_Synth(spoken, len(spoken) + 1, 0, 1, 0, _UTF8_WITH_PAUSE, None, None)
    if failed:
        raise ValueError(f"libespeak-ng refused {voice} {text!r}")
    return [*starts, sum(counts)]


if __name__ == "__main__":
    _voice, _speed, _pitch, _gap, _text = sys.argv[1:]
    print(json.dumps(word_starts(_voice, int(_speed), int(_pitch), int(_gap), _text)))
