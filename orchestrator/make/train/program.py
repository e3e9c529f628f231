"""The quantized graph of a fine-tuning as a program for a device. Importing this needs torch and executorch."""

from typing import Any

import torch

from agents.contract import StreamContract
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.executorch_program import example_inputs, lowered

# What its operators become: those of a post-training export by the same scheme.
RECIPE = Recipe("executorch", "int8-static")


def streaming_program(quantized: Any, contract: StreamContract) -> bytes:
    """A .pte by XNNPACK for chunks of the contract's own size. Raises ExportFailed."""
    return lowered(torch.export.export(quantized, example_inputs(contract), strict=True), RECIPE)
