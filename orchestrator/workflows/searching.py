"""Ask and tell with a device: the first looks, then blocks as the strategy asks for them, within device time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.decide.search.base import Strategy
from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import Run
from orchestrator.decide.search.standing import Standings
from orchestrator.domain.candidate import Candidate
from orchestrator.workflows.device_runs import DeviceRuns


@dataclass
class Search:
    """One stage of a study. ``candidates`` by key; ``refused``: those whose gates closed, and why."""

    strategy: Strategy
    standings: Standings
    purse: Purse
    runs: DeviceRuns
    candidates: dict[str, Candidate]
    refused: dict[str, str]
    told: list[Run] = field(default_factory=list)

    def tell(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self.told.append(run)
            self.purse.spend(run)
            if run.candidate in self.refused:
                self.standings.reject(run.candidate, self.refused[run.candidate])
            self.strategy.tell(run)

    def until_done(self) -> None:
        """Until the strategy asks for nothing more, or what it asks for cannot be paid."""
        while blocks := self.asked():
            self.tell(self._run(blocks))

    def asked(self) -> list[list[str]]:
        """What to run next, a block for each unit; empty where the search is done or the purse is."""
        blocks: list[list[str]] = []
        for _ in self.runs.units.runners:
            found = blocks_of(self.strategy.ask(self.purse))
            blocks += found
            if not found or len(found) > 1 or not self.strategy.ahead:
                break
        asked = [name for block in blocks for name in block]
        needed_s = sum(self.purse.run_s(name) for name in asked)
        return blocks if self.purse.used_s + needed_s <= self.purse.total_s else []

    def _run(self, blocks: list[list[str]]) -> list[Run]:
        alone = [block[0] for block in blocks if len(block) == 1 and not self.standings.runs[block[0]]]
        if len(alone) == len(blocks) <= len(self.runs.units.runners):
            return self.runs.look([self.candidates[name] for name in alone])
        return self.run_blocks(blocks)

    def run_blocks(self, blocks: Sequence[Sequence[str]]) -> list[Run]:
        """All of them, as many at once as there are units."""
        found: list[Run] = []
        width = len(self.runs.units.runners)
        for start in range(0, len(blocks), width):
            part = blocks[start : start + width]
            found += self.runs.run_blocks([[self.candidates[name] for name in block] for block in part])
        return found


def blocks_of(names: Sequence[str]) -> list[list[str]]:
    """A strategy may ask for a candidate several times at once; a block has it once."""
    blocks: list[list[str]] = []
    for name in names:
        block = next((block for block in blocks if name not in block), None)
        if block is None:
            blocks.append(block := [])
        block.append(name)
    return blocks
