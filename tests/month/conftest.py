"""The whole month is collected only where it is asked for (`make month-check`): it takes minutes."""

import os

collect_ignore_glob = [] if os.environ.get("EARSHOT_MONTH") == "1" else ["test_month.py"]
