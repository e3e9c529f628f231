"""What a search that remembers has done, step by step, in the study that it belongs to."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select

from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SearchStepRow


@dataclass(frozen=True)
class SearchJournal:
    """Of one study. The two methods are those that Optuna's JournalStorage calls."""

    ledger: Ledger
    study_id: str

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Steps from this number on, in order; the first one has number 0."""
        wanted = select(SearchStepRow.record).where(
            SearchStepRow.study_id == self.study_id, SearchStepRow.number >= log_number_from
        )
        return [dict(row.record) for row in self.ledger.fetch(wanted.order_by(SearchStepRow.number))]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """All of them or none."""
        with self.ledger.transaction() as connection:
            mine = select(func.count()).where(SearchStepRow.study_id == self.study_id)
            first = connection.execute(mine.select_from(SearchStepRow.__table__)).scalar_one()
            values = [
                {"study_id": self.study_id, "number": first + i, "record": record} for i, record in enumerate(logs)
            ]
            if values:
                connection.execute(insert(SearchStepRow), values)
