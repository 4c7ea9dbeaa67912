"""How often the suggestions are right, on texts the model was not trained on; printed, with floors below.

The Chinese texts were written before the words the start is made of (see tests/data/README.md). Boston's titles are
read from beside the project (`../shared/data/`); without them those tests say so and skip.
"""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean
from time import process_time

import pytest
from sqlalchemy.orm import Session

from engine.catalogue.lookup import version_in_force
from engine.city import City, load_city
from engine.database import open_database, session_factory
from engine.intake.model import ClassModel
from engine.intake.starting import start_model
from engine.intake.training import Example, train_model
from engine.intake.words import Lexicon, read_lexicon, read_synonyms
from engine.loading.catalogue import load_catalogue
from engine.models import Base
from engine.testing.small_city import MONDAY

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests/data"
REQUESTS = ROOT.parent / "shared/data/boston311-2015-01-07.csv.gz"
needs_requests = pytest.mark.skipif(not REQUESTS.exists(), reason=f"the published requests are not at {REQUESTS}")


@dataclass(frozen=True)
class Labelled:
    """A text and the classes that are right for it."""

    text: str
    right: frozenset[str]


def read_texts(name: str) -> list[Labelled]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return [
            Labelled(row["text"], frozenset({row["class"], *filter(None, row["also"].split(";"))}))
            for row in csv.DictReader(file)
        ]


def lexicon_of(city: City) -> Lexicon:
    engine = open_database("sqlite://")
    Base.metadata.create_all(engine)
    with session_factory(engine)() as session:
        load_catalogue(session, city, MONDAY)
        return read_lexicon(session, city, version_id(session))


def version_id(session: Session) -> int:
    return version_in_force(session, date(2026, 3, 2)).id


@pytest.fixture(scope="module")
def core() -> Lexicon:
    return lexicon_of(load_city("yunhe"))


@pytest.fixture(scope="module")
def start(core: Lexicon) -> ClassModel:
    return start_model(core)


def rates(model: ClassModel, texts: list[Labelled]) -> tuple[float, float]:
    """Shares with a right class first, and among the first three. To name none is to miss."""
    said = [([each.of for each in model.judge(text.text, limit=3, least=0.0).likely], text.right) for text in texts]
    return mean(bool(found) and found[0] in right for found, right in said), mean(
        bool(right & set(found)) for found, right in said
    )


def baseline(lexicon: Lexicon, texts: list[Labelled]) -> tuple[float, float]:
    """What a search for the classes' own names finds: the longest name that stands in the text first."""
    names = [(each.text, each.of) for each in lexicon.sayings if each.weight == 3.0]

    def found(text: str) -> list[str]:
        return [of for name, of in sorted(names, key=lambda pair: -len(pair[0])) if name in text][:3]

    said = [(found(text.text), text.right) for text in texts]
    return mean(bool(f) and f[0] in right for f, right in said), mean(bool(right & set(f)) for f, right in said)


def show(capsys: pytest.CaptureFixture[str], name: str, of: tuple[float, float], amount: int) -> None:
    with capsys.disabled():
        print(f"\n{name}: top-1 {of[0]:.1%}, top-3 {of[1]:.1%} of {amount} texts", end="")


def test_the_test_set_is_as_large_and_as_broad_as_claimed(core: Lexicon) -> None:
    texts, tuning = read_texts("intake_texts.csv"), read_texts("intake_tuning_texts.csv")
    classes = {of for text in texts for of in text.right}
    assert len(texts) >= 300
    assert len(classes) >= 190
    assert classes <= set(core.classes)
    assert not {text.text for text in texts} & {text.text for text in tuning}


def test_no_text_of_the_test_set_is_a_word_of_the_lexicon(core: Lexicon) -> None:
    """But for three of the shortest, which are all there is to say: 路灯, 乱停车 and 井盖没了."""
    words = {word for words in read_synonyms(load_city("yunhe")).values() for word in words}
    told = {each.text for each in core.sayings} | words
    same = {text.text for text in read_texts("intake_texts.csv")} & told
    assert same <= {"路灯", "乱停车", "井盖没了"}


def test_chinese_reports_meet_their_class(core: Lexicon, start: ClassModel, capsys: pytest.CaptureFixture[str]) -> None:
    texts = read_texts("intake_texts.csv")
    found, plain = rates(start, texts), baseline(core, texts)
    show(capsys, "catalogue names found in the text (baseline)", plain, len(texts))
    show(capsys, "suggested by the start", found, len(texts))
    assert found[0] >= 0.80
    assert found[1] >= 0.90
    assert found[0] > plain[0] + 0.3


def test_confidence_comes_true(start: ClassModel, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the first suggestions of a confidence, about that share is right: the mean gap over five bands is small."""
    said = [
        (likely[0].confidence, likely[0].of in text.right)
        for text in read_texts("intake_texts.csv")
        if (likely := start.judge(text.text).likely)
    ]
    gap = 0.0
    for band in range(5):
        inside = [(sure, right) for sure, right in said if band / 5 <= sure < (band + 1) / 5 or sure == band + 1 == 5]
        if inside:
            gap += len(inside) / len(said) * abs(mean(s for s, _ in inside) - mean(r for _, r in inside))
    with capsys.disabled():
        print(f"\ngap between confidence and hits: {gap:.3f}", end="")
    assert gap <= 0.12


def test_what_is_no_matter_of_the_city_is_told_to_be_unknown(start: ClassModel) -> None:
    texts = (DATA / "intake_no_class_texts.txt").read_text(encoding="utf-8").splitlines()[10:]
    unknown = [text for text in texts if not start.judge(text).known]
    assert len(unknown) >= 0.7 * len(texts), set(texts) - set(unknown)
    for nothing in ("", "   ", "12345 !!", "🙂"):
        assert start.judge(nothing).likely == ()


def test_a_suggestion_takes_little_time(start: ClassModel) -> None:
    texts = [text.text for text in read_texts("intake_texts.csv")]
    start.judge(texts[0])
    began = process_time()
    for text in texts:
        start.judge(text)
    assert (process_time() - began) / len(texts) < 0.020


def test_nothing_of_the_training_is_imported_before_it_begins() -> None:
    """Start-up stays quick, and a process that only suggests stays small."""
    code = "import sys, api.app, api.resources.intake, engine.intake.training; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def boston() -> Iterator[tuple[Lexicon, list[Example]]]:
    """Boston's catalogue, and titles with the class of their type, the latest first."""
    city = load_city("boston")
    with (city.root / "imports/boston311_types.csv").open(encoding="utf-8", newline="") as file:
        types = {row["value"]: f"{row['kind']}/{row['full_code']}" for row in csv.DictReader(file)}
    with gzip.open(REQUESTS, "rt", encoding="utf-8", newline="") as file:
        examples = [
            Example(row["CASE_TITLE"], types[row["TYPE"]]) for row in csv.DictReader(file) if row["TYPE"] in types
        ]
    yield lexicon_of(city), examples[::-1]


@needs_requests
@pytest.mark.slow
def test_boston_titles_meet_their_type(
    boston: tuple[Lexicon, list[Example]], capsys: pytest.CaptureFixture[str]
) -> None:
    lexicon, examples = boston
    facts = train_model(lexicon, examples).facts
    assert None not in (facts.top1, facts.top3, facts.start_top1, facts.start_top3)
    plain = baseline(lexicon, [Labelled(each.text, frozenset({each.of})) for each in examples[::7]])
    show(capsys, "Boston: types found in the title (baseline)", plain, len(examples[::7]))
    show(capsys, "Boston: suggested by the start", (facts.start_top1 or 0, facts.start_top3 or 0), facts.held_out)
    show(capsys, "Boston: trained on the other titles", (facts.top1 or 0, facts.top3 or 0), facts.held_out)
    assert facts.held_out > 5_000
    assert (facts.start_top1 or 0) >= 0.85
    assert (facts.start_top3 or 0) >= 0.93
    assert (facts.top1 or 0) >= 0.90
    assert (facts.top3 or 0) >= 0.97
