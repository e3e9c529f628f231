"""From layers to what can be tried: which of them must stay in float together so that a harm is gone."""

from orchestrator.domain.rounds import LayerError, Suspect
from orchestrator.make.quality.sensitivity_layers import HEAVY, Layers

# What is better than this by itself harms no task that was seen: static int8 leaves 31..47 dB of the reference models.
CLEAN_DB = 30.0
# So many are tried; each costs an export and an evaluation.
MOST = 6


def suspects_of(found: Layers) -> tuple[Suspect, ...]:
    """At most ``MOST``, the worst first. Layers below ``CLEAN_DB``; where there are none, the worst of all."""
    ordered = sorted((e for e in found.errors if e.worst_db < float("inf")), key=lambda e: e.worst_db)
    below = [e for e in ordered if e.worst_db < CLEAN_DB] or ordered
    suspects: dict[tuple[str, ...], Suspect] = {}
    for error in below:
        suspect = _suspect(error, found)
        suspects.setdefault(suspect.nodes, suspect)
    return tuple(suspects.values())[:MOST]


def _suspect(error: LayerError, found: Layers) -> Suspect:
    weights, inputs = error.weight_snr_db, error.activation_snr_db
    if inputs is None or (weights is not None and weights < inputs):
        return Suspect((error.node,), f"the weights of {error.node}", error.worst_db)
    harming = found.harmed_by[error.node][:1]
    nodes = {error.node, *(name for tensor in harming for name in _touching(tensor, found))}
    cause = f"the activations {' and '.join(harming)} that {error.node} reads"
    return Suspect(tuple(sorted(nodes)), cause, error.worst_db)


def _touching(tensor: str, found: Layers) -> set[str]:
    """Whoever reads or writes it; behind a writer that only passes values on, also who wrote those: a tensor that one
    layer wants rounded is rounded for all of them (onnxruntime's quantizer puts one rounding on a tensor)."""
    nodes, waiting, seen = set(), [tensor], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        nodes |= {n.name for n in found.read_by.get(name, ())}
        writer = found.written_by.get(name)
        if writer is None:
            continue
        nodes.add(writer.name)
        if writer.op_type not in HEAVY:
            waiting += list(writer.input)
    return nodes
