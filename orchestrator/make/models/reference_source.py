"""The sources of the reference models: committed graphs where there are some, and the module of each by name."""

import hashlib

from orchestrator.make.models import reference
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource


def reference_source(name: str) -> ModelSource:
    """Raises BadInput for an unknown name, BadModel where its files are not there."""
    graph, module = reference.onnx_path(name), _module(name, "load")
    has_graph = graph.is_file()
    lexicon, manifest = reference.lexicon_path(name), reference.manifest_path(name)
    return ModelSource(
        name=name,
        contract=reference.load_contract(name),
        onnx_path=graph if has_graph else None,
        # Ours have their weights inside: the file's own hash is the model's.
        sha256=hashlib.sha256(graph.read_bytes()).hexdigest() if has_graph else module.sha256,
        manifest_path=manifest if manifest.is_file() else None,
        tflite_path=reference.tflite_path(name) if has_graph else None,
        module=module,
        step_module=_module(name, "load_step") if name in reference.STEP_MODULES else None,
        lexicon_path=lexicon if lexicon.is_file() else None,
    )


def _module(name: str, function: str) -> ModuleRef:
    files = (reference.weights_path(name), *reference.code_paths(name))
    return ModuleRef(f"{reference.__name__}.modules:{function}", (name,), files)
