"""A candidate without what belongs to one device: the same configuration on another device has the same name."""

import re
from dataclasses import dataclass

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe

# What a time depends on by instructions: which kernels do the multiplications.
FP32, FP16, INT8, WEIGHTS = "fp32", "fp16", "int8", "weights"
_PRECISIONS = {"fp32": FP32, "fp16": FP16, "int8-weight": WEIGHTS, "int4-weight": WEIGHTS, "palettized": WEIGHTS}
# Providers that run a graph on the CPU: of others nothing can be told from facts about cores.
CPU_PROVIDERS = ("CPU", "Xnnpack", "XNNPACK", "Portable", "OpenVINO", "ACL", "ArmNN", "Dnnl")

# domain.Candidate.label, with the model before it in an exported matrix.
_LABEL = re.compile(
    r"(?:(?P<model>\S+) )?(?P<recipe>[a-z0-9]+:[a-z0-9-]+(?:\([^()]*\))?) (?P<provider>\S+) (?P<threads>\d+)t"
    r"(?P<rest>.*?)(?: on (?P<place>.+))?"
)
_CLUSTER = re.compile(r"([a-z][a-z0-9-]*) \([\d,-]+\)")


@dataclass(frozen=True)
class Configuration:
    """``name``: as the candidate's label, its cluster by name and without CPU numbers. ``cluster``: empty where the
    scheduler is free. ``rest``: session options and environment, as text.
    """

    name: str
    recipe: Recipe
    provider: str
    threads: int
    rest: str = ""
    cluster: str = ""

    @property
    def precision(self) -> str:
        """One of FP32, FP16, INT8 (what multiplies int8 by int8) and WEIGHTS (what only stores less)."""
        return _PRECISIONS.get(self.recipe.precision, INT8)

    @property
    def engine(self) -> str:
        """Whose kernels run it."""
        return f"{self.recipe.format} {self.provider}{self.rest}"

    @property
    def kernels(self) -> str:
        return f"{self.engine} {self.recipe.precision}"

    @property
    def on_cpu(self) -> bool:
        return self.provider in CPU_PROVIDERS

    @property
    def plain(self) -> bool:
        """The fp32 graph as its runtime runs it when nobody asks for more."""
        bare = not (self.recipe.options or self.rest or self.cluster)
        return self.recipe.precision == "fp32" and self.threads == 1 and bare


def parse_label(label: str) -> tuple[str, Configuration]:
    """Of a candidate's label, alone or after its model as in an exported matrix: (model or empty, configuration).

    Raises ValueError with the reason where it is no label, or means CPUs by their numbers: those are one device's.
    """
    found = _LABEL.fullmatch(label.strip())
    if found is None:
        raise ValueError("it is no label of Earshot's, such as 'kws onnx:int8-dynamic CPU 1t'")
    try:
        recipe = Recipe.parse(found["recipe"])
    except BadRecipe as exc:
        raise ValueError(exc.message) from exc
    place = found["place"] or ""
    cluster = _CLUSTER.fullmatch(place)
    if place and cluster is None:
        raise ValueError(f"it is held to {place}, which are CPUs of one device")
    held = cluster[1] if cluster else ""
    name = f"{recipe} {found['provider']} {found['threads']}t{found['rest']}" + (f" on {held}" if held else "")
    made = Configuration(name, recipe, found["provider"], int(found["threads"]), found["rest"], held)
    return found["model"] or "", made
