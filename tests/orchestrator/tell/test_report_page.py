"""The page as a file: whole, self-contained, and with every candidate, reason and absence in it."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestrator.domain.decision import Decision, Estimate, Nearest
from orchestrator.tell.report import vega_bundle
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.page import render, write_report
from tests.orchestrator.tell import builders

SECTIONS = (
    "asked",
    "candidates",
    "latency",
    "perceived",
    "trade",
    "timeline",
    "blocks",
    "heat",
    "quality",
    "drift",
    "energy",
    "memory",
    "exports",
    "environment",
    "observer",
    "verification",
    "provenance",
    "reading",
)


class Page(HTMLParser):
    """Elements with their attributes, and the text that a person sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.seen: list[str] = []
        self._hidden = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden += tag in ("script", "style", "noscript")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "noscript")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.seen.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.seen).split())

    def all(self, tag: str) -> Iterator[dict[str, str]]:
        return (attributes for name, attributes in self.elements if name == tag)


@pytest.fixture(scope="module")
def content() -> ReportContent:
    return builders.content(chunks=700, blocks=3)


@pytest.fixture(scope="module")
def html(content: ReportContent) -> str:
    return render(content)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_says_the_decision_first_then_every_section_in_order(content: ReportContent, page: Page) -> None:
    assert content.decision.sentence in page.text
    assert tuple(a["id"] for a in page.all("section")) == SECTIONS
    assert page.text.index(content.decision.sentence) < page.text.index("What was asked")


def test_needs_nothing_from_outside(page: Page) -> None:
    for _, attributes in page.elements:
        for name in ("src", "href", "data", "action", "poster", "srcset"):
            value = attributes.get(name, "")
            assert value == "" or value.startswith(("#", "data:")), (name, value)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_style_loads_nothing(html: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert "@media print" in style
    assert "url(" not in style
    assert "@import" not in style


def test_has_one_bundle_and_stays_small(html: str) -> None:
    assert html.count("window.vegaEmbed=") == 1
    assert len(html.encode()) < 2_000_000


def test_every_candidate_and_reason_is_there(content: ReportContent, page: Page) -> None:
    titles = {a.get("title") for _, a in page.elements}
    for verdict in content.decision.candidates:
        assert str(verdict.candidate.recipe) in titles
        assert verdict.reason in page.text
    assert builders.PARITY_REFUSAL in page.text
    assert "candidate 7, block 1: XnnpackExecutionProvider is not built into this wheel" in page.text


def test_every_absence_has_its_reason(page: Page) -> None:
    for reason in ("rejected before it was scored", "this device has no power sensor", "no powercap folder"):
        assert reason in page.text
    targets = {a["id"] for _, a in page.elements if "id" in a}
    links = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert links
    assert set(links) <= targets


def test_a_p99_without_enough_chunks_is_not_printed() -> None:
    page = Page(render(builders.content(chunks=120, blocks=2)))
    assert "p99 needs 662 values, there are 120" in page.text
    assert "not estimable" in page.text


def test_tables_say_what_their_cells_are(page: Page) -> None:
    headers = list(page.all("th"))
    assert headers
    assert all(h.get("scope") in ("col", "row") for h in headers)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_chart_has_words(html: str, page: Page) -> None:
    charts = chart_specs(html)
    boxes = [a for a in page.all("div") if a.get("class") == "drawing"]
    assert {b["id"] for b in boxes} == {f"chart-{name}" for name in charts}
    assert all(b["role"] == "img" and len(b["aria-label"]) > 40 for b in boxes)


def test_a_model_named_like_markup_stays_text() -> None:
    name = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    html = render(hostile(builders.content(chunks=40, blocks=1), name))
    assert name not in html
    page = Page(html)
    assert name in page.text
    assert not list(page.all("img"))
    assert "</script" not in re.search(r'id="chart-data">(.*?)</script>', html, re.S)[1]  # type: ignore[index]


def hostile(content: ReportContent, text: str) -> ReportContent:
    """The same study with ``text`` wherever a stranger could put some."""
    decision = content.decision
    verdicts = tuple(replace(v, reason=text) for v in decision.candidates)
    return replace(
        content,
        decision=replace(decision, model=text, device_model=text, device=text, sentence=text, candidates=verdicts),
        study=replace(content.study, settings={text: text}, started_utc=text),
        refusals=[(text, text)],
    )


def test_an_infeasible_request_names_the_limit_and_who_comes_nearest(content: ReportContent) -> None:
    page = Page(render(replace(content, decision=infeasible(content.decision))))
    assert "Binding constraint: latency p99 at most" in page.text
    assert "Nearest: int8-qdq · CPU · 1t" in page.text
    assert "Not drawn: no candidate won." in page.text
    assert "not done: no candidate won" in page.text


def infeasible(decision: Decision) -> Decision:
    nobody = Estimate(None, reason="no candidate won")
    losers = tuple(replace(v, status="rejected", gate="max_p99_ms", reason="too slow") for v in decision.candidates)
    return replace(
        decision,
        verdict="infeasible",
        winner=None,
        candidates=losers,
        gain=nobody,
        quality_cost=nobody,
        sentence="nothing meets it",
        nearest=Nearest("max_p99_ms", 0.5, decision.candidates[2].candidate.key, 0.936),
        verification=None,
    )


def test_a_study_without_sessions_has_a_page_of_absences(content: ReportContent) -> None:
    page = Page(render(replace(content, sessions=[], scores=[], artifacts=[], refusals=[])))
    assert "no paced session of this study finished" in page.text
    assert "no session ran" in page.text
    assert "no evaluate session of this candidate was scored" in page.text


def test_sessions_without_an_artifact_are_refused(content: ReportContent) -> None:
    with pytest.raises(ValueError, match="no artifact that says their sample rate"):
        replace(content, artifacts=[])


def test_a_decision_of_another_study_is_refused(content: ReportContent) -> None:
    with pytest.raises(ValueError, match="does not fit study other"):
        replace(content, study=replace(content.study, study_id="other"))


def test_is_written_whole_or_not_at_all(
    tmp_path: Path, content: ReportContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "report.html"
    write_report(path, content)
    before = path.read_text(encoding="utf-8")
    assert before.rstrip().endswith("</html>")

    def full(source: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(path, content)
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def chart_specs(html: str) -> dict[str, object]:
    found = re.search(r'id="chart-data">(.*?)</script>', html, re.S)
    assert found
    charts: dict[str, object] = json.loads(found[1])["charts"]
    return charts


def test_the_script_is_what_vl_convert_bundles() -> None:
    made = vega_bundle.bundle()
    if made.splitlines()[0] != vega_bundle.PLACE.read_text(encoding="utf-8").splitlines()[0]:
        pytest.fail("vl-convert was updated: run `make vega` and commit what it writes")
    assert vega_bundle.PLACE.read_text(encoding="utf-8") == made
