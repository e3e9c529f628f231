"""A scripted month of a simulated lab, whose truth is known: ``make month``; docs/tutorial-nightly.md tells its story.

The agent's own loops and sampler run on simulated devices (tests/simulator); ledger, judges,
outbox and dashboards are the controller's own. Nothing of it was measured.
"""
