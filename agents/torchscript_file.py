"""What a TorchScript file says about itself, read without running it: a TorchScript file is code."""

import json
import zipfile
from typing import Tuple

from agents.contract import StreamContract
from agents.failure import Failure

# Beside the code in the file, which is a zip archive: the names that the graph itself does not keep.
NAMES_FILE = "earshot.json"
LITE_SUFFIX = ".ptl"
_INPUTS, _OUTPUTS = "inputs", "outputs"
Names = Tuple[Tuple[str, ...], Tuple[str, ...]]


def contract_names(contract: StreamContract) -> Names:
    """Names of what the module is called with and of what it gives, in order."""
    inputs = [contract.input.name, *(s.input for s in contract.states), *(c.name for c in contract.constants)]
    outputs = [*(o.name for o in contract.outputs), *(s.output for s in contract.states)]
    return tuple(inputs), tuple(outputs)


def names_text(names: Names) -> str:
    return json.dumps({_INPUTS: names[0], _OUTPUTS: names[1]})


def names_of(path: str) -> Names:
    """The names in the file. Raises ValueError for one that Earshot did not write."""
    try:
        with zipfile.ZipFile(path) as archive:
            (member,) = [n for n in archive.namelist() if n.endswith("/extra/" + NAMES_FILE)]
            found = json.loads(archive.read(member))
            return tuple(found[_INPUTS]), tuple(found[_OUTPUTS])
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"it is no TorchScript file: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "it does not name its inputs and outputs, so Earshot did not write it, and it is code: "
            "export the model by a recipe of torchscript"
        ) from error


def check_names(path: str, wanted: Names, in_order: bool = True) -> Names:
    """The names in the file. Raises Failure "contract-mismatch" that names the first difference; without ``in_order``
    they may come in any order."""
    try:
        found = names_of(path)
    except ValueError as error:
        raise Failure("contract-mismatch", str(error)) from error
    for kind, have, need in zip(("inputs", "outputs"), found, wanted):
        if have != need and (in_order or sorted(have) != sorted(need)):
            raise Failure(
                "contract-mismatch",
                f"the {kind} of the graph are {', '.join(have)}, the contract says {', '.join(need)}: "
                "export the model and its contract again",
            )
    return found
