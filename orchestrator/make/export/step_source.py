"""A transducer's step graph as a model of its own, so that every format's exporter takes it. Imports no torch.

Its stream contract is a form only: nobody streams audio through it.
"""

from dataclasses import replace

from agents.contract import Frontend, StepContract, StreamContract, TensorSpec
from orchestrator.domain.recipe import OPTIONS, Recipe
from orchestrator.errors import BadRecipe
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource

STEP_OPTION = "step"
# What makes a step graph's module one whose order of arguments is that of any model.
STEP_MODULE = "orchestrator.make.export.step_module:adapted"
# The step's precision that quantizes the products of the joint alone: what leads to a state stays as it was, because
# its error would come back with every symbol.
JOINT_ONLY = "int8-joint"
# A step graph is float unless said otherwise; the first that the format has.
_FLOAT = ("fp32", "fp16")


def split(recipe: Recipe) -> tuple[Recipe, Recipe]:
    """The recipe of the main graph and that of the step graph, which is of the same format."""
    options = tuple(option for option in recipe.options if option[0] != STEP_OPTION)
    return replace(recipe, options=options), Recipe(recipe.format, _precision(recipe), _own_options(recipe))


def _precision(recipe: Recipe) -> str:
    default = next(precision for precision in _FLOAT if precision in OPTIONS[recipe.format])
    wanted = recipe.get(STEP_OPTION, default)
    return "int8-dynamic" if wanted == JOINT_ONLY else wanted


def _own_options(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    return (("exclude", "recurrent"),) if recipe.get(STEP_OPTION, "") == JOINT_ONLY else ()


def require_no_step(recipe: Recipe, model: str) -> None:
    """Raises BadRecipe for a step precision where there is no step graph."""
    if recipe.get(STEP_OPTION, ""):
        raise BadRecipe(
            f"{recipe} says how to make a step graph, and {model} is no transducer",
            hint=f"leave {STEP_OPTION}= out: {split(recipe)[0]}",
        )


def step_source(source: ModelSource, format_: str) -> ModelSource:
    """The step graph of ``source``; where a format fixes all shapes, for as many hypotheses as the decoder keeps."""
    contract = source.contract_of(format_)
    search, module = contract.search, source.step_module
    if search is None or module is None:
        raise ValueError(f"{source.name} is no transducer")
    adapted = ModuleRef(STEP_MODULE, (module.target, *module.args), module.files)
    return ModelSource(
        name=f"{source.name}-step",
        contract=_form(contract, search),
        onnx_path=None,
        sha256=adapted.sha256,
        manifest_path=None,
        module=adapted,
    )


def _form(contract: StreamContract, search: StepContract) -> StreamContract:
    width = search.frame.shape[1]

    def batched(spec: TensorSpec) -> TensorSpec:
        return replace(spec, shape=(search.batch, *spec.shape[1:]))

    return StreamContract(
        model=f"{contract.model}-step",
        sample_rate_hz=contract.sample_rate_hz,
        chunk_samples=width,
        allowed_chunk_samples=(width,),
        frontend=Frontend("pcm"),
        input=batched(search.frame),
        states=tuple(replace(s, shape=(search.batch, *s.shape[1:])) for s in search.states),
        outputs=(batched(search.logits),),
        constants=(batched(search.token),),
        constant_values={search.token.name: float(contract.decoder.blank)},
    )
