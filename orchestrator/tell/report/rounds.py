"""Rounds of re-export: what was found to ruin a recipe, what was tried instead, and what the device said of it."""

from dataclasses import dataclass

from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Heard, LayerError, Round, Rounds, Trial
from orchestrator.tell.report.facts import Fact
from orchestrator.tell.report.numbers import COLUMNS, Column, figure, percent, significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, estimate, number, recipe, text

_LOSS = COLUMNS["quality_loss"]
_SPEED = Column("speed", "Speed", "times the fp32 default's")
_AGAINST = Column("against_best", "Against the best before", "times its speed")
# The worst ones; what comes after them harms nothing.
_LAYERS_SHOWN = 20
_UNROUNDED = Cell("not rounded", kind="absent", title="it is not rounded there, or rounding changes nothing")
_GONE = Cell("not there", kind="absent", title="the quantized graph has it in one with another, or it differs nowhere")
_ROLES = {"passed": "other", "failed": "rejected", "refused": "rejected", "planned": ""}


@dataclass(frozen=True)
class RoundShown:
    title: str
    facts: tuple[Fact, ...]
    trials: Table | None
    further: tuple[Table, ...]


@dataclass(frozen=True)
class RoundsSection:
    ended: Fact
    rounds: tuple[RoundShown, ...]


def rounds_section(found: Rounds | None) -> RoundsSection | None:
    """None where the study has no such loop."""
    if found is None:
        return None
    ended = Fact("Ended", found.ended or "not yet: the study was interrupted", absent=found.ended is None)
    return RoundsSection(ended, tuple(_shown(one) for one in found.rounds))


def _shown(one: Round) -> RoundShown:
    facts = [Fact("Hypothesis", one.hypothesis), Fact("Started from", one.seed)]
    facts.append(Fact("Result", one.verdict or "not measured yet", absent=one.verdict is None))
    if one.gain is not None and one.gain.value is not None:
        value, interval = figure(one.gain, _AGAINST)
        facts.append(Fact("Best now against best before", f"{value} times", interval or ""))
    further = [table for table in (_layers(one), _heard(one)) if table is not None]
    return RoundShown(f"Round {one.number}", tuple(facts), _trials(one) if one.trials else None, tuple(further))


def _trials(one: Round) -> Table:
    notes = Footnotes()
    headings = (
        Heading("Recipe"),
        Heading("Outcome"),
        Heading("Loss predicted", _LOSS.unit, number=True),
        Heading("Loss measured", _LOSS.unit, number=True),
        Heading("Speed predicted", _SPEED.unit, number=True),
        Heading("Speed measured", _SPEED.unit, number=True),
        Heading(_AGAINST.heading, _AGAINST.unit, number=True),
    )
    rows = tuple(_trial(trial, notes) for trial in one.trials)
    return Table(f"round-{one.number}", "On the device", headings, rows, tuple(notes.reasons))


def _trial(trial: Trial, notes: Footnotes) -> Row:
    expected = trial.prediction
    cells = (
        recipe(Recipe.parse(trial.recipe)),
        text(trial.outcome, trial.reason),
        _predicted(expected.loss, _LOSS, expected.basis, notes),
        estimate(trial.quality_loss, _LOSS, notes),
        _predicted(expected.speed, _SPEED, expected.basis, notes),
        estimate(trial.speed, _SPEED, notes),
        estimate(trial.against_best, _AGAINST, notes),
    )
    return Row(cells, _ROLES[trial.outcome])


def _predicted(value: float | None, column: Column, basis: str, notes: Footnotes) -> Cell:
    if value is None:
        return absent("not predicted", basis, notes)
    shown = significant(value * column.factor, column.most_decimals, column.signed)
    return Cell(shown, title=basis, note=notes.number(basis), kind="number")


def _layers(one: Round) -> Table | None:
    found = one.sensitivity
    if not found.layers:
        return None
    headings = (
        Heading("Layer"),
        Heading("Weights rounded", "dB of its output", number=True),
        Heading("Activations rounded", "dB of its output", number=True),
        Heading("In the whole graph", "dB of its output", number=True),
        Heading("Of all multiplications", "%", number=True),
    )
    ordered = sorted(found.layers, key=lambda layer: layer.worst_db)
    suspects = {node for suspect in found.suspects for node in suspect.nodes}
    rows = tuple(_layer(layer, layer.node in suspects) for layer in ordered[:_LAYERS_SHOWN])
    shown = f"the worst {len(rows)} of {len(ordered)}" if len(ordered) > len(rows) else "the worst first"
    caption = f"What rounding leaves of each layer's output, over {found.chunk_count} chunks of calibration: {shown}"
    return Table(f"layers-{one.number}", caption, headings, rows)


def _layer(layer: LayerError, suspect: bool) -> Row:
    cells = (
        text(layer.node, layer.operator + (", suspect" if suspect else "")),
        _decibels(layer.weight_snr_db, _UNROUNDED),
        _decibels(layer.activation_snr_db, _UNROUNDED),
        _decibels(layer.whole_snr_db, _GONE),
        number(significant(100 * layer.work_share) if layer.work_share else "none"),
    )
    return Row(cells, "rejected" if suspect else "")


def _decibels(snr_db: float | None, none: Cell) -> Cell:
    return none if snr_db is None else number(significant(snr_db))


def _heard(one: Round) -> Table | None:
    if not one.heard:
        return None
    notes = Footnotes()
    headings = (
        Heading("Recipe"),
        Heading("Idea"),
        Heading("Loss", _LOSS.unit, number=True),
        Heading("SNR", "dB", number=True),
        Heading("More in float", "% of multiplications", number=True),
    )
    chosen = {trial.recipe for trial in one.trials}
    rows = tuple(_variant(heard, heard.recipe in chosen, notes) for heard in one.heard)
    caption = (
        f"Heard on the controller, {one.utterance_count} of {one.utterances_of} test utterances: it chooses what the "
        "device is asked, and decides nothing"
    )
    return Table(f"heard-{one.number}", caption, headings, rows, tuple(notes.reasons))


def _variant(heard: Heard, chosen: bool, notes: Footnotes) -> Row:
    if heard.loss is None:
        words = "no artifact" if heard.refused else "not scored"
        loss = absent(words, heard.refused or heard.unheard or "", notes)
    else:
        loss = number(significant(heard.loss * _LOSS.factor, _LOSS.most_decimals, _LOSS.signed))
    share = Cell("not known", kind="absent") if heard.float_share is None else number(_share(heard.float_share))
    cells = (recipe(Recipe.parse(heard.recipe)), text(heard.idea), loss, _decibels_of(heard), share)
    return Row(cells, "winner" if chosen else "")


def _share(share: float) -> str:
    return percent(share).removesuffix(" %")


def _decibels_of(heard: Heard) -> Cell:
    return _decibels(heard.snr_db, Cell("none" if heard.refused else "no difference", kind="absent"))
