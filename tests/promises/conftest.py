"""Many sessions stream in these tests, and each collects garbage first: not the whole test run's each time."""

from collections.abc import Iterator

import pytest

from tests.simulator.session import many_sessions


@pytest.fixture(scope="module", autouse=True)
def _many_sessions() -> Iterator[None]:
    with many_sessions():
        yield
