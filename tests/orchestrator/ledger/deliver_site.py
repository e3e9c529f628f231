"""A delivery to be killed: all that waits in SITE goes to the farm that FOLDER is attached to; says when it begins.

python -m tests.orchestrator.ledger.deliver_site SITE FOLDER
"""

import sys
from pathlib import Path

from orchestrator.ledger.delivery import deliver
from orchestrator.ledger.ledger import Ledger


def main(site: Path, folder: Path) -> None:
    with Ledger.open(site) as here, Ledger.open(folder / "ledger.db") as farm:
        sys.stdout.write("delivers\n")
        sys.stdout.flush()
        deliver(here, farm)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
