"""``earshot submit export``: artifacts of a model, each made once in the whole farm."""

from datetime import UTC, datetime
from pathlib import Path

from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order
from orchestrator.ledger.store.places import store_of
from orchestrator.workflows.farm.devices import farm_devices
from orchestrator.workflows.farm.export import export_job
from orchestrator.workflows.farm.learn import Course, learn_job
from orchestrator.workflows.farm.models import send_model
from orchestrator.workflows.farm.order import Asked, new_order_id
from orchestrator.workflows.farm.submit import Submitted, put_in

EXPORTING = "export"


def submit_export(
    results: Path, model: str, recipes: tuple[Recipe, ...], anew: bool, asked: Asked, course: Course | None = None
) -> Submitted:
    """``anew``: also what the farm has. ``course``: the model is fine-tuned first, as a job that the exports need.

    Raises BadInput for an unknown model, or one without batches to learn from, BadModel for one that cannot travel.
    """
    with Ledger.open(results / "ledger.db") as farm:
        store = store_of(farm)
        prepared, packed = send_model(farm, store, model, results / "models", recipes, needs_audio=False)
        order_id = new_order_id(datetime.now(UTC))
        learning = None
        if course is not None:
            learning = learn_job(farm, store, prepared, packed, course, asked.export(order_id, 0))
        drawn = [learning] if learning else []
        for number, recipe in enumerate(recipes, start=len(drawn)):
            own = asked.export(order_id, number)
            drawn.append(export_job(farm, store, prepared, packed, recipe, own, learned=learning, anew=anew))
        title = f"{'fine-tune' if learning else 'export'} {model} {' '.join(map(str, recipes))}".strip()
        return put_in(farm, farm_devices(farm), Order(order_id, asked.user, EXPORTING, title), drawn, [])
