"""Dashboards as code: what Grafana shows of the metrics in tell/telemetry/names.py, and how it gets there.

They are in the first schema of dashboards, which every Grafana takes, from files and over HTTP; the SDK would rather
have the second, which only newer ones do, and says so whenever it is imported. So it is imported here first.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.models.dashboardv2beta1  # noqa: F401
