"""``earshot recommend``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import Share, json_option, lab_option, results_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.decide.prediction.predict import DevicePrediction, Predicted
    from orchestrator.workflows.recommend import Recommendation

_SHOWN_NEXT = 5


@click.command()
@click.option("--phone", "phones", multiple=True, help="A device never measured, such as 'Galaxy A54'; again for more.")
@click.option("--model", help="Which model; needed where several were measured.")
@click.option("--matrix", type=click.Path(path_type=Path), help="Learn from an exported matrix, not from the ledger.")
@click.option("--is", "named", multiple=True, metavar="DEVICE=PROFILE", help="What a device of the matrix is.")
@click.option("--soc", help="By hand: the chip of a phone without a profile.")
@click.option("--cores", help="By hand: its cores, slowest first, such as 4xCortex-A55@2000,4xCortex-A78@2400 (MHz).")
@click.option("--bandwidth-gb-s", type=float, help="By hand: memory bandwidth, where it is published.")
@click.option(
    "--max-quality-loss", type=Share(), default="1%", show_default=True, help="Of what may win; its upper bound."
)
@click.option("--seed", type=int, default=0, show_default=True)
@lab_option
@results_option
@json_option
def recommend(
    phones: tuple[str, ...],
    model: str | None,
    matrix: Path | None,
    named: tuple[str, ...],
    soc: str | None,
    cores: str | None,
    bandwidth_gb_s: float | None,
    max_quality_loss: float,
    seed: int,
    lab: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Predict what would win on a device that was never measured, how sure that is, and which one to measure next.

    From the chip, the cores and the memory bandwidth of device profiles, and from what `earshot tune` measured on
    other devices: three models at least, eight for intervals that stand on measurements. What is said is predicted,
    never measured: a bundle is made by `earshot tune` on the device itself.

    \b
    earshot recommend                                which device to measure next
    earshot recommend --phone "Galaxy A54" --model kws
    earshot recommend --phone "My Phone" --soc "Exynos 1380" --cores 4xCortex-A55@2000,4xCortex-A78@2400
    earshot recommend --matrix runs.csv --is bench-2=pixel-7 --phone "Pixel 8" --json
    """
    from orchestrator.workflows.recommend import Asked
    from orchestrator.workflows.recommend import recommend as ask

    asked = Asked(
        results=results,
        phones=phones,
        model=model,
        lab=lab,
        matrix=matrix,
        named=dict(_pair(text) for text in named),
        soc=soc,
        cores=cores,
        bandwidth_gb_s=bandwidth_gb_s,
        max_quality_loss=max_quality_loss,
        seed=seed,
    )
    found = ask(asked)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _pair(text: str) -> tuple[str, str]:
    device, separator, profile = text.partition("=")
    if not (separator and device and profile):
        raise BadInput(f"--is must be DEVICE=PROFILE, got {text!r}", hint="such as --is bench-2=pixel-7")
    return device, profile


def _print(found: "Recommendation") -> None:
    for prediction in found.predictions:
        _print_device(prediction, found.model)
    shown = found.measure_next[:_SHOWN_NEXT]
    if shown:
        click.echo("measure next: where shipping the predicted winner is expected to cost most")
        print_table(
            ["device", "predicted winner", "expected loss>", "95 % below>"],
            [[n.title, n.winner, _percent(n.expected_regret), _percent(n.regret_95)] for n in shown],
        )
        click.echo()
    if found.excluded:
        print_table(["not predicted", "because"], [[name, why] for name, why in found.excluded.items()])
        click.echo()
    click.echo(_stands_on(found))
    for note in found.notes:
        click.echo(f"note: {note}")
    for why, count in found.left_out.items():
        click.echo(f"left out: {why}" + (f" ({count} times)" if count > 1 else ""))


def _print_device(prediction: "DevicePrediction", model: str) -> None:
    click.echo(prediction.facts)
    print_table(
        ["configuration", "predicted ms>", "80 %>", "95 %>", "best>", "own runs>"],
        [
            [
                one.configuration,
                number(one.service_ms.value),
                f"{number(one.service_ms.low_80)}..{number(one.service_ms.high_80)}",
                f"{number(one.service_ms.low_95)}..{number(one.service_ms.high_95)}",
                _percent(one.best),
                str(one.own_runs or "-"),
            ]
            for one in prediction.configurations
        ],
    )
    for name, why in prediction.cannot.items():
        click.echo(f"{name}: {why}")
    click.echo()
    click.secho(_sentence(prediction), bold=True)
    if prediction.siblings:
        click.echo(f"measured with the same chip: {', '.join(prediction.siblings)}")
    if prediction.untold:
        click.echo(f"its profile does not tell: {', '.join(prediction.untold)}; the intervals hold that doubt")
    click.echo(f"measure it before you ship: earshot tune {model} --device NAME")
    click.echo()


def _sentence(prediction: "DevicePrediction") -> str:
    gain = prediction.gain
    faster = f", {_interval(gain)} times as fast as plain fp32" if gain else ""
    own = any(one.own_runs for one in prediction.configurations)
    return (
        f"predicted for {prediction.title}: {prediction.winner}{faster}. Shipped {'so' if own else 'unmeasured'} it is "
        "expected to be "
        f"{_percent(prediction.expected_regret)} slower than the best there, and in 95 of 100 cases less than "
        f"{_percent(prediction.regret_95)}."
    )


def _interval(figure: "Predicted") -> str:
    return f"{number(figure.value)} [{number(figure.low_95)}..{number(figure.high_95)}]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def _stands_on(found: "Recommendation") -> str:
    text = f"from measurements of {found.model} on {len(found.measured_devices)} device models"
    if found.held_out_error is None or found.coverage_80 is None or found.coverage_95 is None:
        return text
    assert found.held_out_regret is not None
    assert found.popular_regret is not None
    return (
        f"{text}; each of them left out and predicted from the others ({len(found.held_out.devices)}): off by "
        f"{_percent(found.held_out_error)} in the median, {found.coverage_80:.0%} within their 80 % intervals, "
        f"{found.coverage_95:.0%} within their 95 % intervals; the predicted winner "
        f"{_percent(found.held_out_regret)} slower than the best there, what wins most often elsewhere "
        f"{_percent(found.popular_regret)}"
    )
