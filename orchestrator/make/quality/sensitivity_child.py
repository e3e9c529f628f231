"""One process that finds what rounding does to the layers of a recipe: a question on stdin, the answer on stdout.

A process of its own, because a quantizer may end it, and because what onnxruntime prints is not for the terminal.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.strict_json import from_json, to_json
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Sensitivity
from orchestrator.errors import EarshotError
from orchestrator.make.export.child import end_with_parent
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.export.graph_edit import excluded_nodes, prepared
from orchestrator.make.export.onnx_format import OnnxFormat
from orchestrator.make.export.quiet import captured
from orchestrator.make.export.worker import Job
from orchestrator.make.models.stepping import Feeds
from orchestrator.make.quality.sensitivity_layers import layers_of
from orchestrator.make.quality.sensitivity_rounding import DynamicRounding, Rounding, StaticRounding
from orchestrator.make.quality.sensitivity_suspects import suspects_of

# Chunks that each layer is run on: enough for a ratio of powers, few enough for a graph of hundreds of layers.
_CHUNKS = 24


def sensitivity(exporter: Exporter, recipe: Recipe) -> Sensitivity:
    """Raises ExportFailed where the model has no calibration audio, or the recipe does not fit its graph."""
    if exporter.calibration is None:
        return Sensitivity(str(recipe), reason=f"{exporter.source.name} has no calibration audio")
    feeds = exporter.calibration.feeds(exporter.source)
    with TemporaryDirectory(prefix="earshot-sensitivity-") as scratch_name, captured():
        scratch = Path(scratch_name)
        graph, plain, made = OnnxFormat(exporter.source, lambda: feeds).rounded(recipe, scratch)
        source = prepared(graph, scratch)
        excluded = frozenset(excluded_nodes(plain, source))
        static = plain.precision == "int8-qdq"
        rounding: Rounding = StaticRounding(made, excluded) if static else DynamicRounding(source, plain, excluded)
        found = layers_of(source, made, rounding, _some(feeds))
    return Sensitivity(str(recipe), len(_some(feeds)), found.errors, suspects_of(found))


def _some(feeds: Sequence[Feeds]) -> Sequence[Feeds]:
    """Evenly over all, so that starts of streams are among them."""
    return feeds[:: -(-len(feeds) // _CHUNKS)]


def main() -> None:
    end_with_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        asked = json.load(sys.stdin)
        recipe = Recipe.parse(asked["recipe"])
        try:
            found = sensitivity(from_json(Job, asked["job"]).exporter(), recipe)
        except EarshotError as exc:
            found = Sensitivity(str(recipe), reason=exc.message)
        answer.write(json.dumps(to_json(found)))


if __name__ == "__main__":
    main()
