"""What a load step has taught about the battery's gauge, kept in the agent's folder on the device."""

import json
import os
from typing import Optional

from agents import durable
from agents.device_facts import Gauge
from agents.strict_json import from_json, to_json

_NAME = "gauge.json"


def read_gauge(store_root: Optional[str]) -> Optional[Gauge]:
    """None where no load step was made yet, or its file is damaged: then it is made again."""
    if store_root is None:
        return None
    try:
        with open(os.path.join(store_root, _NAME), encoding="utf-8") as file:
            return from_json(Gauge, json.load(file))
    except (OSError, ValueError):
        return None


def write_gauge(store_root: str, gauge: Gauge) -> None:
    """Raises OSError."""
    durable.write_file(os.path.join(store_root, _NAME), (json.dumps(to_json(gauge)) + "\n").encode())
