"""Orders, workers, sites: what ``earshot worker``, ``submit``, ``queue`` and ``cancel`` do."""
