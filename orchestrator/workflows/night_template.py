"""The plan that ``earshot nightly --init`` writes."""

import re
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import LOCAL, Lab

TEMPLATE = """\
# What is measured every night: models x devices x candidates, interleaved, within a budget.
# earshot nightly {name} --dry-run    shows it with its expected end

name = "{stem}"
devices = [{devices}]        # names, "tag:phone", or "all" of the lab file
mode = "flat-out"            # or "paced": as long as its audio, with latencies as a user meets them
seconds = 10                 # of audio in each session
runs = 5                     # processes of each configuration a night
budget_minutes = 60          # of each device, with the re-runs of what is suspect
wait_minutes = 10            # for a device that somebody else has
retries = 1                  # how often a device that was lost is tried again ...
retry_after_minutes = 1      # ... so long afterwards
# end = "07:00"              # UTC: a night that ends later says so
quality = true               # score each configuration once a night
reference = "digits-lstm"         # never changed: where it moves, the device did

[[models]]
model = "kws"
recipes = ["onnx:fp32", "onnx:int8-dynamic"]    # "winner": what the device model's last decision chose
threads = [1]
# providers = ["CPU"]
# devices = ["tag:phone"]                       # instead of the plan's
# repo = "../keyword-spotter"                   # git work tree it comes from: its commit becomes an axis

[[models]]
model = "digits-lstm"
recipes = ["onnx:fp32"]

# [budgets]                  # minutes of single devices
# pi5 = 30

# [environments]             # a device's Python environments, each with its own runtime
# pi5 = ["default", "ort-1.31"]

# [prometheus]               # where the night's figures are pushed when it is over
# url = "http://prometheus.lan:9090"
"""


def template(file_name: str, stem: str, devices: tuple[str, ...]) -> str:
    """A plan of two reference models; ``devices`` as they are asked for."""
    return TEMPLATE.format(name=file_name, stem=stem, devices=", ".join(f'"{each}"' for each in devices))


def write_template(path: Path, lab: Lab) -> None:
    """Raises BadInput where something is at ``path`` already, or it cannot be written."""
    others = tuple(name for name in lab.devices if name != LOCAL)
    devices = ("all",) if others else (LOCAL,)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template(path.name, _plan_name(path), devices))
    except FileExistsError as exc:
        raise BadInput(f"{path} is there already", hint="give another name, or edit it") from exc
    except OSError as exc:
        raise BadInput(f"cannot write {path}: {exc.strerror}") from exc


def _plan_name(path: Path) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._") or "night"
