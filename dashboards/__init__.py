"""What Grafana, Prometheus and Alertmanager mount; made and checked by orchestrator/tell/grafana."""
