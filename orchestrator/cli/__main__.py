"""``python -m orchestrator.cli``: the command where its script is not installed."""

from orchestrator.cli.main import main

main()
