"""``earshot submit export``: artifacts of a model, each made once in the whole farm."""

from datetime import UTC, datetime
from pathlib import Path

from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order
from orchestrator.ledger.store.places import store_of
from orchestrator.workflows.farm_devices import farm_devices
from orchestrator.workflows.farm_export import export_job
from orchestrator.workflows.farm_models import send_model
from orchestrator.workflows.farm_order import Asked, new_order_id
from orchestrator.workflows.farm_submit import Submitted, put_in

EXPORTING = "export"


def submit_export(results: Path, model: str, recipes: tuple[Recipe, ...], anew: bool, asked: Asked) -> Submitted:
    """``anew``: also what the farm has. Raises BadInput for an unknown model, BadModel for one that cannot travel."""
    with Ledger.open(results / "ledger.db") as farm:
        store = store_of(farm)
        prepared, packed = send_model(store, model, results / "models", recipes, needs_audio=False)
        order_id = new_order_id(datetime.now(UTC))
        order = Order(order_id, asked.user, EXPORTING, f"export {model} {' '.join(map(str, recipes))}")
        drawn = [
            export_job(farm, store, prepared, packed, recipe, asked.export(order_id, number), anew=anew)
            for number, recipe in enumerate(recipes)
        ]
        return put_in(farm, farm_devices(farm), order, drawn, [])
