"""Runs the model of an Earshot bundle on a stream, with the configuration that won on the device.

Reads contract.json (what the graph takes and gives), recommendation.json (how to run it) and device_support.json (which
device takes what) of the bundle. Needs numpy, and onnxruntime or ai-edge-litert.

    stream = Stream.open(bundle)
    for samples in microphone:  # int16, mono, at stream.sample_rate_hz
        for event in stream.push(samples):
            print(event.time_s, event.label)
"""

from .bundle import Bundle
from .stream import Event, Stream

__all__ = ["Bundle", "Event", "Stream"]
