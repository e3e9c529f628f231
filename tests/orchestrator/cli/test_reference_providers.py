"""The page of execution providers names what the agent takes."""

from agents.backends.onnxruntime_options import DIMENSIONS, OPTIONS
from agents.providers import PROVIDERS
from orchestrator.cli.reference_providers import SESSION, providers_page


def test_the_sessions_options_are_those_that_the_agent_knows() -> None:
    assert set(SESSION) == {*OPTIONS, DIMENSIONS, "session.*"}


def test_every_provider_and_option_has_its_line() -> None:
    page = providers_page()
    for provider in PROVIDERS.values():
        assert f"## {provider.name}\n" in page
        assert provider.source in page
        assert all(f"| `ep.{name}` |" in page for name in provider.options)
