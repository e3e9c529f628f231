"""Dashboards as code: what Grafana shows of the metrics in tell/telemetry/names.py, and how it gets there."""
