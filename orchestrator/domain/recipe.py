"""A recipe: how a graph becomes an artifact. Its text form is stable and is what people type and the ledger keeps."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.errors import BadRecipe

_YES_NO = ("yes", "no")
# recurrent: what leads to a state, whose error comes back with every chunk.
_PARTS = ("recurrent",)
_QUANTIZED = {
    "activation": ("u8", "s8"),
    "weight": ("s8", "u8"),
    "granularity": ("tensor", "channel"),
    "calibration": ("minmax", "entropy", "percentile"),
    "reduce_range": _YES_NO,
    "exclude_types": None,
    "exclude_nodes": None,
    "exclude": _PARTS,
}
_DYNAMIC = {
    "weight": ("s8", "u8"),
    "granularity": ("tensor", "channel"),
    "reduce_range": _YES_NO,
    "exclude_types": None,
    "exclude_nodes": None,
    "exclude": _PARTS,
}
_WEIGHT_ONLY = {"block": ("16", "32", "64", "128"), "exclude_nodes": None}
_ANY = {
    "optimize": ("none", "basic", "extended", "all"),
    "container": ("onnx", "ort"),
    # Of a model that is a PyTorch module: by which of torch's exporters, as which version of the operators.
    "exporter": ("dynamo", "legacy"),
    "opset": ("17", "18", "19", "20"),
    # optional: without its states the graph takes a whole recording at once.
    "state": ("required", "optional"),
}

# LiteRT's kernels want weights that are symmetric s8; what can be chosen is which operators have them.
_LITERT_TYPES = {"only_types": None, "exclude_types": None}
_LITERT_WEIGHTS = {"granularity": ("channel", "tensor"), **_LITERT_TYPES}

# Who runs the operators is fixed when a program is made. XNNPACK's kernels want s8 activations and symmetric weights.
_EXECUTORCH_BACKENDS = ("xnnpack", "portable", "qnn", "vulkan", "coreml")
_EXECUTORCH: dict[str, tuple[str, ...] | None] = {
    "backend": _EXECUTORCH_BACKENDS,
    "granularity": ("channel", "tensor"),
    "only_types": None,
    "exclude_types": None,
    "only_modules": None,
    "exclude_modules": None,
    "exclude": _PARTS,
}

# states: tensors that go in and out, or what Core ML itself keeps (from iOS 18 on).
_COREML = {"states": ("io", "coreml"), "target": ("ios15", "ios16", "ios17", "ios18")}

# build: by the device that runs the engine, or by trtexec on this machine.
_TENSORRT = {"build": ("device", "here"), "level": ("0", "1", "2", "3", "4", "5")}

# lite: the file of the interpreter for phones; mobile: torch's own pass for it.
_TORCHSCRIPT: dict[str, tuple[str, ...] | None] = {
    "mode": ("trace", "script"),
    "freeze": _YES_NO,
    "container": ("pt", "lite"),
    "mobile": _YES_NO,
}

# format -> precision -> option -> allowed values; None: names joined by "+".
OPTIONS: dict[str, dict[str, dict[str, tuple[str, ...] | None]]] = {
    "onnx": {
        "fp32": {**_ANY},
        "fp16": {"exclude_types": None, "exclude_nodes": None, **_ANY},
        "int8-dynamic": {**_DYNAMIC, **_ANY},
        # A neural processor takes a graph whole or not at all: operators=all leaves none in float.
        "int8-qdq": {"operators": ("usual", "all"), **_QUANTIZED, **_ANY},
        "int8-qoperator": {**_QUANTIZED, **_ANY},
        "int8-weight": {**_WEIGHT_ONLY, **_ANY},
        "int4-weight": {**_WEIGHT_ONLY, **_ANY},
    },
    "litert": {
        "fp32": {},
        "fp16": {**_LITERT_TYPES},
        "int8-dynamic": {**_LITERT_WEIGHTS},
        "int8-static": {"activation": ("s8", "s16"), "calibration": ("minmax", "average"), **_LITERT_WEIGHTS},
        "int8-weight": {**_LITERT_WEIGHTS},
        "int4-weight": {**_LITERT_TYPES},
    },
    "executorch": {
        "fp32": {"backend": _EXECUTORCH_BACKENDS},
        "int8-dynamic": {**_EXECUTORCH},
        "int8-static": {**_EXECUTORCH},
    },
    "coreml": {
        "fp32": {**_COREML},
        "fp16": {**_COREML},
        "palettized": {"bits": ("4", "6", "8"), **_COREML},
        "int8-weight": {**_COREML},
    },
    # mixed: activations from zero on where they are never negative, else symmetric; performance: always symmetric.
    "openvino": {
        "fp32": {},
        "fp16": {},
        "int8-static": {
            "activation": ("mixed", "performance"),
            "calibration": ("minmax", "average"),
            "exclude_types": None,
            "exclude_nodes": None,
        },
        "int8-weight": {},
    },
    # soc_model and htp_arch: of the phone's processor, as Qualcomm numbers them; else the compiler's own choice.
    "qnn": {
        "fp16": {"soc_model": None, "htp_arch": None},
        "int8-static": {"soc_model": None, "htp_arch": None},
    },
    "tensorrt": {
        "fp32": {**_TENSORRT},
        "fp16": {**_TENSORRT},
        "int8-static": {"ranges": ("cache", "qdq"), **_TENSORRT},
    },
    "torchscript": {
        "fp32": {**_TORCHSCRIPT},
        "int8-dynamic": {"exclude_nodes": None, **_TORCHSCRIPT},
    },
}

# Of a transducer's step graph, which is of the same format as the main graph; absent: fp32. int8-joint: the products of
# the joint alone.
STEP_PRECISIONS = {
    "executorch": ("fp32", "int8-dynamic"),
    "litert": ("fp32", "fp16", "int8-dynamic"),
    "onnx": ("fp32", "fp16", "int8-dynamic", "int8-joint"),
    "torchscript": ("fp32", "int8-dynamic"),
}
# Formats that are made of the model's PyTorch module: with weights that it learned since (make/train/tuned.py).
for _format in ("executorch", "litert", "onnx", "torchscript"):
    for _options in OPTIONS[_format].values():
        _options["weights"] = None
for _format, _step_precisions in STEP_PRECISIONS.items():
    for _options in OPTIONS.get(_format, {}).values():
        _options["step"] = _step_precisions

_FORM = "write it like onnx:int8-qdq(activation=u8,calibration=minmax); docs/reference/recipes.md has them all"
_TEXT = re.compile(r"(?P<format>[a-z0-9]+):(?P<precision>[a-z0-9-]+)(\((?P<options>[^()]*)\))?")


@dataclass(frozen=True, order=True)
class Recipe:
    """Format + precision + graph options, as in ``onnx:int8-qdq(activation=u8,calibration=minmax)``.

    ``options`` are sorted by name; one that is absent has the exporter's default. Raises BadRecipe.
    """

    format: str
    precision: str
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.format not in OPTIONS:
            known = ", ".join(OPTIONS)
            raise BadRecipe(
                f"recipe format must be one of {known}, got {self.format!r}", hint=_nearest(self.format, OPTIONS)
            )
        precisions = OPTIONS[self.format]
        if self.precision not in precisions:
            raise BadRecipe(
                f"precision of {self.format} must be one of {', '.join(precisions)}, got {self.precision!r}",
                hint=_nearest(self.precision, precisions),
            )
        if list(self.options) != sorted(set(self.options)) or len(dict(self.options)) != len(self.options):
            raise BadRecipe(f"recipe options must be sorted and named once, got {self.options}")
        for name, value in self.options:
            self._check(name, value)

    def _check(self, name: str, value: str) -> None:
        known = OPTIONS[self.format][self.precision]
        if name not in known:
            raise BadRecipe(
                f"{self.format}:{self.precision} has no option {name!r}; it has {', '.join(known) or 'none'}",
                hint=_nearest(name, known),
            )
        allowed = known[name]
        if allowed is not None and value not in allowed:
            raise BadRecipe(f"{name} must be one of {', '.join(allowed)}, got {value!r}", hint=_nearest(value, allowed))
        if not value or re.search(r"[,()=\s]", value):
            raise BadRecipe(f"{name} must be names joined by '+', got {value!r}", hint=_FORM)

    def get(self, name: str, default: str) -> str:
        return dict(self.options).get(name, default)

    def names(self, option: str) -> tuple[str, ...]:
        """The names in a ``+``-joined option; empty where it is absent."""
        return tuple(n for n in self.get(option, "").split("+") if n)

    def with_options(self, **changes: str) -> "Recipe":
        return Recipe(self.format, self.precision, tuple(sorted({**dict(self.options), **changes}.items())))

    def without(self, option: str) -> "Recipe":
        return Recipe(self.format, self.precision, tuple(o for o in self.options if o[0] != option))

    def __str__(self) -> str:
        inner = ",".join(f"{name}={value}" for name, value in self.options)
        return f"{self.format}:{self.precision}" + (f"({inner})" if inner else "")

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """The inverse of ``str``. Raises BadRecipe that shows the form."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise BadRecipe(f"cannot read the recipe {text!r}", hint=_FORM)
        pairs = [p.split("=", 1) for p in (match["options"] or "").split(",") if p.strip()]
        if any(len(p) != 2 for p in pairs):
            raise BadRecipe(f"options of a recipe are name=value, got {match['options']!r}", hint=_FORM)
        return cls(match["format"], match["precision"], tuple(sorted((n.strip(), v.strip()) for n, v in pairs)))


def matches(pattern: str, name: str) -> bool:
    """Whether a name of ONNX's ``exclude_nodes`` means this node: ``*`` stands for any letters, else as it is."""
    if "*" not in pattern:
        return pattern == name
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else _FORM
