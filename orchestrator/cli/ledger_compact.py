"""``earshot ledger compact``: raw arrays of old sessions make way."""

from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli.options import Duration, json_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.ledger.ledger import Ledger


@click.command()
@click.option("--older-than", type=Duration(), required=True, help="Of sessions that began so long ago, such as 90d.")
@click.option("--keep-decisions", is_flag=True, help="Winners, defaults and verifications of decisions keep theirs.")
@click.option("--dry-run", is_flag=True, help="Say how much would make way; change nothing.")
@results_option
@json_option
def compact(older_than: float, keep_decisions: bool, dry_run: bool, results: Path, as_json: bool) -> None:
    """Let the raw arrays of old sessions make way; their figures and histograms stay.

    A session keeps its verdict, its exact figures without warm-up (latency p50 and p99, miss rate, service p50, RTF,
    memory, load), which nights are judged by, and a histogram of each of its times with buckets of 2.2 %, so that any
    percentile can still be asked for, to 1.1 %. What needs single chunks says that they made way: charts of reports,
    energy, comparisons of runs. Timed sessions of less than three minutes only: the others are few, and asked about as
    a whole.

    A hundred sessions a transaction: interrupted, the same command goes on. The space is used again by what comes; to
    give it back to the disk, VACUUM (SQLite) or VACUUM FULL session_arrays (PostgreSQL), while nobody measures.

    \b
    earshot ledger compact --older-than 90d --keep-decisions --dry-run
    """
    from orchestrator.workflows.compact import compact_ledger

    with Ledger.open(results / "ledger.db", create=False) as book:
        found = compact_ledger(
            book,
            older_than,
            keep_decisions=keep_decisions,
            dry_run=dry_run,
            told=lambda done, of: click.echo(f"{done} of {of} sessions", err=True),
        )
    if as_json:
        print_json({**asdict(found), "dry_run": dry_run})
        return
    would = "would give" if dry_run else "gave"
    click.echo(
        f"{found.sessions} sessions before {found.before_utc} {would} up {_size(found.array_bytes)} of raw arrays; "
        f"{_size(found.kept_bytes)} stay"
    )
    if found.named:
        click.echo(f"{found.named} keep theirs: decisions name them")
    if found.unknown:
        click.echo(f"{found.unknown} keep theirs: the ledger has lost their artifact, which tells the sample rate")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
