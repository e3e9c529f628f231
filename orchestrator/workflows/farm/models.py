"""The models of an order: read here, sent to the farm's store, an export job for each recipe that is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.domain.job import Job
from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.base import Store
from orchestrator.ledger.store.places import store_of
from orchestrator.workflows.farm.export import export_job
from orchestrator.workflows.farm.learn import with_farm_weights
from orchestrator.workflows.farm.order import Asked, Drawing
from orchestrator.workflows.farm.parcel import Packed, pack
from orchestrator.workflows.night_settings import NightPlan
from orchestrator.workflows.night_wanted import Planned
from orchestrator.workflows.prepare import Prepared, prepare_model


@dataclass(frozen=True)
class SentModels:
    """``names``: by what the order calls them. ``exports`` by (model, recipe)."""

    names: Mapping[str, str]
    exports: Mapping[tuple[str, Recipe], Job]

    def drawing(
        self,
        asked: Asked,
        plan: NightPlan,
        order_id: str,
        questions: Mapping[tuple[str, str], dict[str, Any]],
        now: datetime,
    ) -> Drawing:
        started_utc = now.isoformat(timespec="seconds")
        return Drawing(order_id, asked, plan, self.names, self.exports, questions, started_utc)


def sent_models(farm: Ledger, results: Path, order_id: str, asked: Asked, found: Planned) -> SentModels:
    """All that the planned sessions need. Raises BadInput for a model that nobody knows here, BadModel for one that
    cannot travel, StoreError.
    """
    wanted: dict[str, list[Recipe]] = {}
    for each in (each for shift in found.shifts for each in shift.wanted):
        wanted.setdefault(each.model, []).append(each.recipe)
    store = store_of(farm)
    names: dict[str, str] = {}
    exports: dict[tuple[str, Recipe], Job] = {}
    for model, recipes in wanted.items():
        prepared, packed = send_model(farm, store, model, results / "models", recipes)
        names[model] = prepared.source.name
        for recipe in dict.fromkeys(recipes):
            own = asked.export(order_id, len(exports))
            exports[model, recipe] = export_job(farm, store, prepared, packed, recipe, own)
    return SentModels(names, exports)


def send_model(
    farm: Ledger, store: Store, model: str, models_dir: Path, recipes: Sequence[Recipe], *, needs_audio: bool = True
) -> tuple[Prepared, Packed]:
    """Read here and in the store by now, with weights that were learned anywhere in the farm."""
    prepared = with_farm_weights(farm, prepare_model(model, models_dir), recipes, models_dir)
    if needs_audio:
        prepared.needed_evaluation()
    packed = pack(model, prepared, models_dir, recipes)
    packed.send(store)
    return prepared, packed
