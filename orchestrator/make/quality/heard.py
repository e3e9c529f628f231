"""What the decoder makes of an evaluation set that is streamed through a graph here, without an agent or a clock."""

from pathlib import Path

from agents.contract import StreamContract
from agents.decode import Decoded, make_decoder
from orchestrator.make.models.stepping import open_graph, step_through
from orchestrator.make.quality.evaluation import EvaluationSet


def heard(graph: Path, contract: StreamContract, evaluation: EvaluationSet, split: str) -> list[Decoded]:
    """One result per utterance of ``split``, in its order, in chunks of the contract's own size.

    Raises the runtime's own errors for a graph that it cannot load or run.
    """
    opened = open_graph(graph)
    found = []
    for utterance in evaluation.utterances_of(split):
        decoder = make_decoder(contract.decoder)
        for outputs in step_through(opened, contract, evaluation.samples(utterance), contract.chunk_samples):
            decoder.push(outputs[0])
        found.append(decoder.finish())
    return found
