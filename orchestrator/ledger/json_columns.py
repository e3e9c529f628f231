"""How JSON columns are written."""

import json
from typing import Any


class NotJson(ValueError):
    """A value that JSON cannot hold."""


def dump(value: Any) -> str:
    """JSON that PostgreSQL takes too: no NaN, no infinity (an absent figure is None with its reason).

    Raises NotJson.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as exc:
        raise NotJson(str(exc)) from exc
