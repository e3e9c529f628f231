"""What the extra ``telemetry`` brings."""

from importlib.util import find_spec

from orchestrator.errors import BadInput


def require_library(name: str) -> None:
    """Raises BadInput where it is not installed."""
    if find_spec(name) is None:
        raise BadInput(f"metrics need {name}", hint="pip install 'earshot[telemetry]'")
