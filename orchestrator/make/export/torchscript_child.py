"""One TorchScript file: a JSON request on stdin, ``python -m ...torchscript_child PATH``, a JSON answer on stdout."""

import json
import os
import sys
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import from_json
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, EarshotError
from orchestrator.make.export.child import end_with_parent
from orchestrator.make.models.module import ModuleRef


def main(path: Path) -> dict[str, object]:
    asked = json.loads(sys.stdin.read())
    contract = from_json(StreamContract, asked["contract"])
    try:
        module = ModuleRef(asked["target"], tuple(asked["args"])).load()
        # After the module: where torch is missing, that says what to install.
        from orchestrator.make.export.torchscript_program import file_of

        content, notes = file_of(module, contract, Recipe.parse(asked["recipe"]))
    except BadRecipe as exc:
        return {"bad_recipe": exc.message, "hint": exc.hint}
    except EarshotError as exc:
        return {"refused": exc.message, "hint": exc.hint}
    path.write_bytes(content)
    return {"notes": notes}


if __name__ == "__main__":
    end_with_parent()
    # What torch prints is not part of the answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        answers.write(json.dumps(main(Path(sys.argv[1]))))
