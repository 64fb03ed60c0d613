"""The desk suggests theme, department and similar questions, each with its reason, and one key takes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from core.db import db, write
from core.models import Entry
from plugins.neighbourhood_visits import personal
from plugins.neighbourhood_visits.models import Department, Question
from plugins.neighbourhood_visits.suggest import learn, similar
from plugins.neighbourhood_visits.suggest.models import Learned, Term

from .test_triage import decide, row

if TYPE_CHECKING:
    from .conftest import Scene

LAMPS = ("Le lampadaire est en panne", "Éclairage trop faible le soir", "Un lampadaire clignote")
TREES = ("Planter des arbres sur la place", "Un arbre est mort", "Des fleurs et des arbres")


def department(scene: Scene, name: str) -> int:
    """The id of a new department."""

    def act() -> int:
        with write() as session:
            found = Department(name=name, folded=name.lower())
            session.add(found)
            session.flush()
            return found.id

    return scene.town.run(act)  # type: ignore[no-any-return]


def worked(scene: Scene) -> None:
    """The worker has compared and learned."""
    scene.town.run(similar.run)
    scene.town.run(learn.run)


def taught(scene: Scene) -> tuple[int, int, int]:
    """A visit whose team has assigned questions to two departments."""
    visit, lights, parks = scene.visit(), department(scene, "Lights"), department(scene, "Parks")
    for titles, theme, ident in ((LAMPS, "safety", lights), (TREES, "green", parks)):
        asked = [scene.question(visit, title=title, theme=theme) for title in titles]
        decide(scene, visit, asked, "assign", department=str(ident), official="0")
    worked(scene)
    return visit, lights, parks


def assigns(page: str, question: int, department: int) -> str:
    """What the button of a likely department sends, as the page shows it; with the words that were read."""
    picked = re.search(rf'name="pick" value="({question}:\d+:[0-9a-f]+)"', page)
    assert picked, question
    return f"assign {picked[1]} {department}"


def test_theme_and_department_are_suggested_with_the_reason(scene: Scene) -> None:
    visit, lights, parks = taught(scene)
    question = scene.question(visit, title="Quand le lampadaire sera-t-il réparé ?")
    agent, page = scene.browser("agent"), f"/visits/{visit}/review?queue=unread"
    shown = agent.get(page).text
    first = shown.index(assigns(shown, question, lights))
    assert "because of: lampadaire" in shown[first:]
    assert shown.find(assigns(shown, question, parks)) in (-1, *range(first, len(shown)))
    assert f"theme {question}:0 safety" in shown
    for chosen in (f"theme {question}:0 safety", assigns(shown, question, lights)):
        assert agent.submit(f"/visits/{visit}/decide", _page=page, one=chosen).status_code == 302
    found = row(scene, Question, question)
    assert (found.theme, found.triage) == ("safety", "accepted")
    own = agent.get(f"/visits/questions/{question}").text
    assert f'selected value="{lights}"' in own or f'value="{lights}" selected' in own or "Lights" in own


def test_the_likely_theme_suggests_its_departments_with_its_words(scene: Scene) -> None:
    visit, lights, _parks = taught(scene)
    scene.accepted(visit, title="Un carrefour dangereux", theme="safety")
    worked(scene)
    question = scene.question(visit, title="Quel carrefour dangereux")
    shown = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    suggested = shown.partition(assigns(shown, question, lights))[2].partition("</dd>")[0]
    assert re.search("because of: [^<]*carrefour", suggested)
    assert "Safety" not in suggested, "nobody has chosen it"


def test_a_theme_that_the_town_has_not_is_refused_and_so_is_who_is_not_on_the_team(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    agent, page = scene.browser("agent"), f"/visits/{visit}/review"
    for theme in ("made up", ""):
        agent.submit(f"/visits/{visit}/decide", _page=page, one=f"theme {question}:0 {theme}")
        assert row(scene, Question, question).theme == ""
    for nonsense in ("theme", f"assign {question}:0 x", f"group {question}:0", "group x y", "nothing 1:1 2"):
        assert agent.submit(f"/visits/{visit}/decide", _page=page, one=nonsense).status_code in (409, 422)
    assert row(scene, Question, question).triage == "submitted"
    other = scene.browser("agent2")
    told = other.submit(
        f"/visits/{visit}/decide", _page=f"/visits/{visit}/ask", one=f"theme {question}:0 safety"
    )
    assert told.status_code == 403
    assert row(scene, Question, question).theme == ""


def test_what_nobody_accepted_teaches_nothing(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene, "Lights")
    rejected = scene.question(visit, title="Zibeline", theme="safety")
    decide(scene, visit, [rejected], "assign", department=str(ident), official="0")
    worked(scene)
    learned = sa.select(sa.func.count()).where(Learned.word == "zibelin")
    assert scene.town.run(lambda: db.session.scalar(learned)) > 0
    decide(scene, visit, [rejected], "reject", reason="No.")
    worked(scene)
    assert scene.town.run(lambda: db.session.scalar(learned.where(Learned.sort != "term"))) == 0


def test_similar_questions_are_shown_with_the_reason_grouped_and_ungrouped(scene: Scene) -> None:
    visit = scene.visit()
    first = scene.question(visit, title="Le lampadaire de la rue du Lavoir est en panne")
    other = scene.question(visit, title="Plus de lumière rue du Lavoir", name="neighbour")
    far = scene.question(visit, title="Des vélos pour l’école Jules Ferry")
    worked(scene)
    agent, page = scene.browser("agent"), f"/visits/{visit}/review?queue=unread"
    shown = agent.get(page).text
    assert f"group {first}:0 {other}:0" in shown
    assert f"group {far}:0" not in shown
    assert "“lumière” ↔ “lampadaire”" in shown
    assert re.search("same place: [^<]*Lavoir", shown)
    agent.submit(f"/visits/{visit}/decide", _page=page, one=f"group {first}:0 {other}:0")
    assert row(scene, Question, other).group_id == first
    assert f"group {first}:0 {other}:0" not in agent.get(page).text, "they are together"
    decide(scene, visit, [other], "ungroup")
    assert row(scene, Question, other).group_id is None


def test_what_residents_call_damage_leads_to_what_is_named_so_before_anything_is_learned(
    scene: Scene,
) -> None:
    visit = scene.visit()
    roads, lights, clean = (department(scene, name) for name in ("Voirie", "Éclairage public", "Propreté"))
    for title, owner, theme, because in (
        ("Trottoir défoncé", roads, "streets", "Trottoir"),
        ("La chaussée est abîmée", roads, "streets", "chaussée"),
        ("Un nid-de-poule", roads, "streets", "nid poule"),
        ("Lampadaires éteints", lights, None, "Lampadaires"),
        ("Des mégots partout", clean, "cleanliness", "mégots"),
        ("La cour du collège", None, None, ""),
    ):
        question = scene.question(visit, title=title)
        page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
        card = page[page.index(f'id="question-{question}"') :].partition("</li>")[0]
        owners = re.findall(r'value="assign \S+ (\d+)"', card)
        assert owners[:1] == ([str(owner)] if owner else []), title
        assert re.findall(r'value="theme \S+ (\w+)"', card)[:1] == ([theme] if theme else []), title
        assert not owner or f"because of: {because}<" in card, title


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("Rénover le TEP", "La cour est grise", ""),
        ("Refaire le stade", "Dans la cour", ""),
        ("Trottoir défoncé", "Le trottoir abîmé", "“abîmé” ↔ “défoncé” · same words: trottoir"),
        ("Un banc cassé", "Une clôture abîmée", ""),
        ("Plus de Lumière", "Le lampadaire penche", "“lampadaire” ↔ “Lumière”"),
    ],
)
def test_a_reason_is_a_pair_of_words_that_mean_the_same(
    scene: Scene, one: str, other: str, reason: str
) -> None:
    def act() -> tuple[bool, str]:
        with force_locale("en"):
            found = similar.shared(similar.read(other), similar.read(one))
            return found.enough, " · ".join(found.reasons)

    assert scene.town.run(act) == (bool(reason), reason)


def test_one_word_of_one_question_suggests_nothing(scene: Scene) -> None:
    visit, _lights, parks = taught(scene)
    tree = scene.question(visit, title="Tailler les arbres où piaillent les oiseaux", theme="green")
    decide(scene, visit, [tree], "assign", department=str(parks), official="0")
    worked(scene)
    noise = scene.question(visit, title="Un bar où piaillent les clients")
    trees = scene.question(visit, title="Un arbre penche")
    worked(scene)
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    assert assigns(page, trees, parks) in page, "a word of several questions does"
    assert f"assign {noise}:0" not in page
    assert f"theme {noise}:0" not in page


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Les horaires de la gare", "Il gare sa camionnette"),
        ("Mon voisin de la fontaine", "Le voisin crie"),
        ("On habite à la fontaine", "On y habite"),
    ],
)
def test_a_word_that_is_a_verb_or_a_person_suggests_nothing_alone(
    scene: Scene, said: str, asked: str
) -> None:
    visit, _lights, parks = taught(scene)
    seen = [scene.question(visit, title=f"{said} {number}", theme="green") for number in (1, 2)]
    decide(scene, visit, seen, "assign", department=str(parks), official="0")
    worked(scene)
    question = scene.question(visit, title=asked)
    clear = scene.question(visit, title="La gare et ses horaires" if "gare" in said else "Une fontaine")
    worked(scene)
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    assert f"assign {question}:0" not in page
    assert f"theme {question}:0" not in page
    assert re.search(rf"assign {clear}:0\S* {parks}\"", page)


def test_what_shares_one_word_of_no_subject_is_not_similar(scene: Scene) -> None:
    visit = scene.visit()
    first = scene.accepted(visit, title="Des clients piaillent")
    lamp = scene.accepted(visit, title="Un lampadaire clignote")
    way = scene.accepted(visit, title="Boulevard gelé", name="neighbour")
    worked(scene)
    asked = [
        (scene.question(visit, title="Les pigeons piaillent"), first, False),
        (scene.question(visit, title="Le lampadaire penche"), lamp, True),
        (scene.question(visit, title="Une rue poussiéreuse"), way, False),
    ]
    worked(scene)
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    for one, other, shown in asked:
        assert (f"group {other}:0 {one}:0" in page) is shown, (one, other)
    assert not re.search(r'<span class="hint"></span> <button[^>]*value="group', page), (
        "none without a reason"
    )


def test_reasons_are_words_that_say_something(scene: Scene) -> None:
    visit, lights, _parks = taught(scene)
    lamp = "Le lampadaire 12 de la rue de la Gare est en panne"
    asked = [scene.question(visit, title=f"{lamp} {number}", place="12 rue du Lavoir") for number in (1, 2)]
    decide(scene, visit, asked, "assign", department=str(lights), official="0")
    worked(scene)
    question = scene.question(visit, title=lamp, place="12 rue du Lavoir")
    worked(scene)
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    [likely] = re.findall(assigns(page, question, lights) + r".*?because of: ([^<]*)", page, re.DOTALL)
    known = set(likely.replace(",", "").split())
    assert "lampadaire" in known
    assert len(likely.split(", ")) <= 3
    assert known.isdisjoint(("12", "de", "du", "rue", "la"))
    for told in re.findall("same (?:place|words): ([^<·]*)", page):
        assert set(told.replace(",", "").split()).isdisjoint(("12", "de", "du", "rue", "la")), told


def test_one_place_alone_is_called_so_and_is_not_shown_to_who_types(scene: Scene) -> None:
    visit = scene.visit()
    lamp = scene.accepted(visit, title="Un lampadaire rue du Lavoir")
    worked(scene)
    asked = scene.question(visit, title="Des crottes rue du Lavoir")
    worked(scene)
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    part = page[page.index(f"{asked}:0") :]
    assert f"group {lamp}:0 {asked}:0" in part
    assert "<dt>Same place</dt>" in part
    assert "Says nearly the same" not in part
    anybody = scene.browser()
    for title, shown in (
        ("Des crottes rue du Lavoir", False),
        ("Le lampadaire de la rue du Lavoir", True),
        ("Plus de lumière rue du Lavoir", True),
    ):
        told = anybody.submit(f"/visits/{visit}/similar", f"/visits/{visit}/ask", title=title).text
        assert (f"/posts/{lamp}" in told) is shown, title


def test_only_what_the_viewer_may_read_is_similar(scene: Scene) -> None:
    visit = scene.visit()
    shown = scene.accepted(visit, title="Le lampadaire de la rue du Lavoir est en panne")
    hidden = scene.question(visit, title="Le lampadaire de la rue du Lavoir clignote")
    gone = scene.accepted(visit, title="Un lampadaire manque rue du Lavoir")
    worked(scene)

    def ask() -> list[int]:
        return [ident for ident, _why in similar.similar("lampadaire rue du Lavoir", [visit])]

    agents, strangers = scene.town.run(ask, "agent"), scene.town.run(ask, "neighbour")
    assert set(agents) == {shown, hidden, gone}
    assert set(strangers) == {shown, gone}
    decide(scene, visit, [gone], "divert")
    assert gone not in scene.town.run(ask, "agent"), "a private case is nobody's example"


def test_what_is_edited_is_compared_again(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit, title="Un banc", name="resident")
    worked(scene)
    assert row(scene, Question, question).compared
    shown = scene.browser("resident")
    entry = row(scene, Entry, question)
    page = f"/posts/{question}/edit"
    told = shown.submit(page, title="Une fontaine", body="", version=str(entry.version))
    assert told.status_code == 302, told.text
    assert not row(scene, Question, question).compared
    worked(scene)
    terms = sa.select(Term.term).where(Term.entry_id == question)
    assert {"w fontain", "i eau"} <= set(scene.town.run(lambda: list(db.session.scalars(terms))))


def test_the_words_of_somebody_who_is_erased_are_compared_no_more(scene: Scene) -> None:
    visit = scene.visit()
    own, other = scene.question(visit, title="Un banc"), scene.question(visit, "Un banc", name="neighbour")
    worked(scene)
    person = scene.town.person("resident")

    def erase() -> None:
        with write():
            personal.erase(person, words=True)

    scene.town.run(erase)
    left = sa.select(Term.entry_id).distinct()
    assert scene.town.run(lambda: list(db.session.scalars(left))) == [other]
    assert not row(scene, Question, own).compared


def test_a_queue_is_read_by_theme_and_by_department(scene: Scene) -> None:
    visit, roads = scene.visit(), department(scene, "Roads")
    lamp, bench = scene.question(visit, title="A lamp?"), scene.question(visit, title="A bench?")
    decide(scene, visit, [lamp, bench], "accept")
    decide(scene, visit, [lamp], "assign", department=str(roads), official="0")
    decide(scene, visit, [bench], "theme", theme="streets")
    agent, queue = scene.browser("agent"), f"/visits/{visit}/review?queue=unanswered"

    def shown(more: str) -> list[bool]:
        page = agent.get(queue + more).text
        return [f'id="question-{one}"' in page for one in (lamp, bench)]

    assert shown("") == [True, True]
    assert shown("&theme=streets") == [False, True]
    assert shown(f"&department={roads}") == [True, False]
    assert shown(f"&department={roads}&theme=streets") == [False, False]
    lost = agent.get("".join((queue.replace("unanswered", "unread"), f"&department={roads}&theme=streets")))
    assert f'<option value="{roads}" selected>Roads (0)' in lost.text
    assert '<option value="streets" selected>Streets and pavements (0)' in lost.text
    assert "Show all" in agent.get(f"{queue}&department={roads}&theme=streets").text
    assert shown("&department=x'&theme=%F0%9F%8C%B3") == [False, False]


def test_what_is_suggested_and_was_rejected_since_is_named_in_the_refusal(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    first, second = (scene.question(visit, title=f"Question {number}?") for number in range(2))
    page = f"/visits/{visit}/review"
    agent.submit(
        f"/visits/{visit}/decide", _page=page, verb="reject", pick=f"{second}:0", reason="Off topic."
    )
    told = agent.submit(f"/visits/{visit}/decide", _page=page, one=f"group {first}:0 {second}:0")
    assert told.status_code == 409
    refusal = f'no longer. Look at it again. <a href="/visits/questions/{second}">Question 1?</a>'
    assert refusal in told.text
