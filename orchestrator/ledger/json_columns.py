"""How JSON columns are written."""

import json
from typing import Any


def dump(value: Any) -> str:
    """JSON that PostgreSQL takes too: no NaN, no infinity (an absent figure is None with its reason)."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
