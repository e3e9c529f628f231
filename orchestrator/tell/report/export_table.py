"""What was exported, how far each artifact is from its source, and what was refused."""

from orchestrator.domain.artifact import Artifact, Parity
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import significant, size
from orchestrator.tell.report.tables import Cell, Heading, Row, Table, number, recipe, text

_HEADINGS = (
    Heading("Recipe"),
    Heading("Outcome"),
    Heading("Size", number=True),
    Heading("Largest difference", "output unit", number=True),
    Heading("SNR", "dB", number=True),
    Heading("Held to"),
    Heading("Chunks compared", number=True),
    Heading("SHA-256"),
)


def export_table(content: ReportContent) -> Table:
    kept = [_artifact(artifact) for artifact in content.artifacts]
    refused = [_refusal(*refusal) for refusal in content.refusals]
    caption = "Parity: the artifact fed chunk by chunk against the whole-sequence output of its source"
    return Table("exports", caption, _HEADINGS, (*kept, *refused))


def _artifact(artifact: Artifact) -> Row:
    parity = artifact.parity
    if parity is None:
        return _unproven(artifact)
    return Row(
        (
            recipe(artifact.recipe),
            text("equal within tolerance" if parity.passed else "not equal"),
            number(size(artifact.size_bytes)),
            number(f"{parity.max_abs:.2e}" if parity.max_abs else "0 (bit for bit)"),
            number("no difference" if parity.snr_db is None else significant(parity.snr_db)),
            text(_tolerance(parity)),
            number(f"{parity.chunk_count:,}", f"of {parity.chunk_samples:,} samples"),
            Cell(artifact.sha256[:12], title=artifact.sha256, kind="hash"),
        ),
        "" if parity.passed else "rejected",
    )


def _unproven(artifact: Artifact) -> Row:
    gone = Cell("none", title=artifact.unproven or "", kind="absent")
    outcome = text("not run here", artifact.unproven or "")
    sha256 = Cell(artifact.sha256[:12], title=artifact.sha256, kind="hash")
    return Row((recipe(artifact.recipe), outcome, number(size(artifact.size_bytes)), gone, gone, gone, gone, sha256))


def _tolerance(parity: Parity) -> str:
    held = []
    if parity.max_abs_allowed is not None:
        held.append(f"difference ≤ {parity.max_abs_allowed:.2e}")
    if parity.snr_db_required is not None:
        held.append(f"SNR ≥ {significant(parity.snr_db_required)} dB")
    return " or ".join(held) or "reported, not gated"


def _refusal(refused: str, reason: str) -> Row:
    gone = Cell("none", title="refused, so there is no artifact", kind="absent")
    return Row((text(refused), text("refused", reason), gone, gone, gone, gone, gone, gone), "rejected")
