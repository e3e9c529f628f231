"""Where the artifacts come from and how the winner was verified."""

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Estimate
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.facts import Fact, joined
from orchestrator.tell.report.numbers import COLUMNS, duration, figure, significant
from orchestrator.tell.report.tables import Cell, Heading, Row, Table, number, recipe, text


def verification_facts(content: ReportContent) -> list[Fact]:
    verification = content.decision.verification
    if verification is None:
        reason = "no candidate won" if content.decision.winner is None else "the winner was not verified"
        return [Fact("Verification", f"not done: {reason}", absent=True)]
    return [
        Fact("Outcome", "held" if verification.passed else "did not hold", verification.reason),
        Fact(
            "Re-export",
            "the same bytes" if verification.byte_equal else "other bytes",
            f"artifact {verification.artifact_sha256[:12]}",
        ),
        Fact("Expected", _words(verification.expected, verification.metric), verification.metric),
        Fact("Measured afresh", _words(verification.measured, verification.metric), verification.metric),
        Fact("Fresh sessions", str(len(verification.session_ids)), joined(verification.session_ids)),
    ]


def _words(estimate: Estimate, metric: str) -> str:
    if estimate.value is None:
        return f"not estimable: {estimate.reason}"
    column = COLUMNS.get(metric)
    if column is None:
        return significant(estimate.value)
    value, interval = figure(estimate, column)
    return f"{value} {column.unit}" + (f" ({interval})" if interval else "")


def provenance_table(content: ReportContent) -> Table:
    headings = (
        Heading("Recipe"),
        Heading("Artifact", "SHA-256"),
        Heading("Source", "SHA-256"),
        Heading("Opset", number=True),
        Heading("Exported with"),
        Heading("Calibration"),
        Heading("Made", "UTC"),
    )
    return Table("provenance", "Provenance of the artifacts", headings, tuple(_row(a) for a in content.artifacts))


def _row(artifact: Artifact) -> Row:
    made = artifact.provenance
    calibration = f"{made.calibration_chunks:,} chunks" if made.calibration_sha256 else "not needed"
    return Row(
        (
            recipe(artifact.recipe),
            _hash(artifact.sha256),
            _hash(made.source_sha256),
            number(str(made.opset)),
            text(joined(f"{tool} {version}" for tool, version in sorted(made.tools.items())), "; ".join(made.notes)),
            Cell(calibration, (made.calibration_sha256 or "")[:12], title=made.calibration_sha256 or ""),
            text(made.created_utc, f"in {duration(made.duration_s)}" if made.duration_s else ""),
        )
    )


def _hash(sha256: str) -> Cell:
    return Cell(sha256[:12], title=sha256, kind="hash")
