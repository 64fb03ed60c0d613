"""Scribes without a network: the page and the notes outlive the browser, the session and the outage."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import expect
from werkzeug.serving import make_server

from core.db import db, write
from core.models import Entry, File, Membership, SignIn, Space
from core.testing import PASSWORD
from plugins.neighbourhood_visits.field.models import Note
from plugins.neighbourhood_visits.models import Question, Visit

from .test_browser import Quiet, sign_in
from .test_field import kept, stand, walk
from .test_triage import row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page
    from werkzeug.serving import BaseWSGIServer

    from .conftest import Scene

__all__ = ["walk"]
OPTIONS = {"locale": "fr-FR", "viewport": {"width": 360, "height": 760}}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for what a browser keeps."""
    return sqlite_url


class Network:
    """The town's server on a port of its own, which can go away and come back."""

    def __init__(self, scene: Scene, port: int) -> None:
        self.scene, self.port, self.url = scene, port, f"http://localhost:{port}"
        self.server: BaseWSGIServer | None = None

    def up(self) -> None:
        self.server = make_server(
            "localhost", self.port, self.scene.town.app, threaded=True, request_handler=Quiet
        )
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def down(self) -> None:
        if self.server:
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()
            self.server = None


@pytest.fixture
def network(scene: Scene, free_port: Callable[[], int]) -> Iterator[Network]:
    """The town's server, running."""
    found = Network(scene, free_port())
    found.up()
    yield found
    found.down()


@pytest.fixture
def phone(
    chromium: Browser, chromium_program: str, tmp_path: Path
) -> Iterator[Callable[[str], BrowserContext]]:
    """Return `phone(name)`: a browser with a folder of its own, which finds there what it kept before."""
    opened: list[BrowserContext] = []

    def switch_on(name: str) -> BrowserContext:
        context = chromium.browser_type.launch_persistent_context(
            tmp_path / name,
            executable_path=chromium_program,
            args=["--no-sandbox", "--disable-gpu"],
            **OPTIONS,
        )
        context.set_default_timeout(15_000)
        opened.append(context)
        return context

    yield switch_on
    for context in opened:
        context.close()


def loaded(context: BrowserContext, network: Network, name: str, visit: int) -> Page:
    """The field's page of a scribe, with its pack, as on the evening before."""
    page = sign_in(context.pages[0], network.url, name)
    page.goto(f"{network.url}/visits/{visit}/field")
    page.get_by_text("gardée sur cet appareil").wait_for()
    page.evaluate("navigator.serviceWorker.ready")
    return page


def tap(page: Page, question: int, outcome: str, text: str = "") -> None:
    """Note something about a question: words, and one tap."""
    card = page.locator(f"#question-{question}")
    if text:
        card.get_by_label("Note ou motif").fill(text)
    card.locator(f"button[value={outcome}]").click()


def take_photo(page: Page, question: int) -> None:
    """Put a large photo into the form of a question."""
    picture = io.BytesIO()
    Image.new("RGB", (2400, 1200), "green").save(picture, "PNG")
    photo = page.locator(f"#photo-{question}")
    photo.set_input_files({"name": "lamp.png", "mimeType": "image/png", "buffer": picture.getvalue()})


def status(page: Page) -> Any:
    return expect(page.locator("#field-status [data-count]"))


def test_notes_outlive_the_browser_the_session_and_the_outage(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    one = phone("one")
    loaded(one, network, "scribe", visit)
    network.down()
    page = one.pages[0]
    page.reload()
    tap(page, question, "study", "Le bus passe trop près.")
    status(page).to_have_text("1 note pas encore envoyée")
    page.locator("#attendance-1").fill("31")
    page.get_by_role("button", name="Garder le nombre").click()
    status(page).to_have_text("2 notes pas encore envoyées")
    one.close()

    one = phone("one")
    page = one.pages[0]
    page.goto(f"{network.url}/visits/{visit}/field")
    status(page).to_have_text("2 notes pas encore envoyées")
    tap(page, question, "settle")
    status(page).to_have_text("3 notes pas encore envoyées")
    assert kept(scene) == []

    def expire() -> None:
        with write() as session:
            session.execute(sa.delete(SignIn))

    scene.town.run(expire)
    network.up()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_role("link", name="Reconnectez-vous pour les envoyer").click()
    page.locator("[name=email]").fill("scribe@example.org")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/visits/{visit}/field")
    status(page).to_have_text("Toutes les notes sont envoyées")
    assert [(note.outcome, note.attendance, note.state) for note in kept(scene)] == [
        ("study", None, "set_aside"),
        ("", 31, "kept"),
        ("settle", None, "applied"),
    ]
    assert row(scene, Question, question).outcome == "settled"


def test_what_waits_is_still_sent_once_the_report_is_out(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    network.down()
    take_photo(page, question)
    tap(page, question, "settle", "Réparé sur place.")
    status(page).to_have_text("1 note pas encore envoyée")
    stand(scene, visit, "published")
    network.up()
    pattern = "**/field/notes"
    page.route(pattern, lambda route: route.abort())
    page.goto(f"{network.url}/visits/{visit}/field")
    page.get_by_text("Cette visite est terminée").wait_for()
    status(page).to_have_text("1 note pas encore envoyée")
    page.get_by_text("Réglée – Réparé sur place.").wait_for()
    page.unroute(pattern)
    page.evaluate("dispatchEvent(new Event('online'))")
    status(page).to_have_text("Toutes les notes sont envoyées")
    assert [(note.text, note.photo_id is not None) for note in kept(scene)] == [("Réparé sur place.", True)]


def test_what_is_too_large_says_so_and_the_notes_after_it_are_sent(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    card = page.locator(f"#question-{question}")
    limit = scene.town.app.config["MAX_CONTENT_LENGTH"]
    heavy = {"name": "lamp.raw", "mimeType": "image/x-raw", "buffer": b"x" * (limit + 1)}
    page.locator(f"#photo-{question}").set_input_files(heavy)
    tap(page, question, "settle", "Avec la photo.")
    tap(page, question, "inform", "Sans photo.")
    card.get_by_text("trop lourde").wait_for()
    page.get_by_text("Sans photo.").wait_for()
    status(page).to_have_text("1 note pas encore envoyée")
    assert [note.text for note in kept(scene)] == ["Sans photo."]
    card.get_by_role("button", name="Jeter").click()
    status(page).to_have_text("Toutes les notes sont envoyées")


def test_photos_and_new_questions_outlive_the_browser_and_the_outage(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    one = phone("one")
    page = loaded(one, network, "scribe", visit)
    take_photo(page, question)
    tap(page, question, "settle", "Réparé sur place.")
    page.get_by_text("Réglée – Réparé sur place.").wait_for()
    status(page).to_have_text("Toutes les notes sont envoyées")
    assert [(note.outcome, note.photo_id is not None) for note in kept(scene)] == [("settle", True)]

    network.down()
    take_photo(page, question)
    page.locator(f"#question-{question}").get_by_role("button", name="Garder la note").click()
    status(page).to_have_text("1 note pas encore envoyée")
    page.get_by_text("Une nouvelle question").click()
    page.get_by_label("Question, telle qu’elle a été posée").fill("Et le banc ?")
    page.get_by_role("button", name="Garder la question").click()
    status(page).to_have_text("2 notes pas encore envoyées")
    one.close()

    page = phone("one").pages[0]
    page.goto(f"{network.url}/visits/{visit}/field")
    status(page).to_have_text("2 notes pas encore envoyées")
    network.up()
    sign_in(page, network.url, "scribe").goto(f"{network.url}/visits/{visit}/field")
    status(page).to_have_text("Toutes les notes sont envoyées")
    _settled, photo, asked = kept(scene)
    assert photo.photo_id is not None
    assert row(scene, Entry, asked.entry_id).title == "Et le banc ?"
    sizes = sa.select(File.width).where(File.entry_id == photo.photo_id)
    assert scene.town.run(lambda: list(db.session.scalars(sizes))) == [2000]


def test_a_form_stays_filled_until_its_note_is_kept_or_sent(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    network.down()
    page.locator("#attendance-1").fill("31")
    page.get_by_role("button", name="Garder le nombre").click()
    status(page).to_have_text("1 note pas encore envoyée")
    page.evaluate("() => { IDBObjectStore.prototype.add = () => { throw new DOMException('full'); }; }")
    take_photo(page, question)
    card, full = page.locator(f"#question-{question}"), page.locator("#field-status [data-full]")
    for said in ("Réparé sur place.", ""):
        tap(page, question, "settle", said)
        expect(full).to_have_text("Cet appareil ne garde rien : chaque note a besoin du réseau.")
        status(page).to_have_text("1 note pas encore envoyée")
        expect(card.get_by_label("Note ou motif")).to_have_value("Réparé sur place.")
    assert kept(scene) == []
    network.up()
    tap(page, question, "settle")
    card.get_by_text("Réglée – Réparé sur place.").wait_for()
    status(page).to_have_text("Toutes les notes sont envoyées")
    expect(full).to_be_empty()
    expect(card.get_by_label("Note ou motif")).to_have_value("")
    found = [(note.attendance, note.text, note.photo_id is not None) for note in kept(scene)]
    assert found == [(31, "", False), (None, "Réparé sur place.", True)]


def test_a_second_tap_while_a_photo_is_made_small_is_no_second_note(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    take_photo(page, question)
    page.locator(f"#question-{question} button[value=settle]").evaluate(
        "button => { button.click(); button.click(); }"
    )
    page.get_by_text("Réglée", exact=True).first.wait_for()
    status(page).to_have_text("Toutes les notes sont envoyées")
    page.wait_for_timeout(500)
    assert [note.outcome for note in kept(scene)] == ["settle"]


def test_what_was_cut_off_is_sent_again_and_is_there_once(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    context = phone("one")
    page = loaded(context, network, "scribe", visit)
    lost = []

    def swallow(route: Any) -> None:
        """Let the note arrive, and its answer get lost on the way."""
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/field/notes", swallow, times=1)
    tap(page, question, "settle")
    status(page).to_have_text("1 note pas encore envoyée")
    while not lost:
        page.wait_for_timeout(20)
    assert lost == [200]
    assert len(kept(scene)) == 1
    tap(page, question, "inform", "Expliqué sur place.")
    status(page).to_have_text("Toutes les notes sont envoyées")
    assert [note.outcome for note in kept(scene)] == ["settle", "inform"]


def test_two_scribes_without_network_both_count_and_the_coordinator_chooses(
    scene: Scene,
    walk: tuple[int, int],
    network: Network,
    phone: Callable[[str], BrowserContext],
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
) -> None:
    visit, question = walk
    pages = {name: loaded(phone(name), network, name, visit) for name in ("scribe", "second")}
    network.down()
    for page in pages.values():
        page.reload()
    tap(pages["scribe"], question, "settle")
    tap(pages["second"], question, "refuse", "La maire a dit non.")
    network.up()
    for page in pages.values():
        page.evaluate("dispatchEvent(new Event('online'))")
        status(page).to_have_text("Toutes les notes sont envoyées")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [note.state for note in kept(scene)] == ["applied", "kept"]
    mayor = sign_in(new_page(width=360), network.url, "mayor")
    mayor.goto(f"{network.url}/visits/{visit}/field/notes")
    assert axe(mayor) == []
    assert mayor.evaluate("document.documentElement.scrollWidth") <= 360
    mayor.get_by_role("button", name="Retenir cette décision – Refusée, Second").click()
    mayor.get_by_text("C’est fait.").wait_for()
    assert row(scene, Question, question).outcome == "refused"


def test_who_leaves_the_team_or_signs_out_loses_the_pack(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, _question = walk
    page = loaded(phone("one"), network, "scribe", visit)

    def leave() -> None:
        with write() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == scene.town.person("scribe")))

    scene.town.run(leave)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_text("Vous ne faites plus partie de l’équipe").wait_for()
    assert page.evaluate("caches.keys()") == []

    other = loaded(phone("two"), network, "second", visit)
    assert other.evaluate("caches.keys()") == [f"visits-field-{visit}"]
    other.locator("form[action='/sign-out']").evaluate("form => form.submit()")
    other.wait_for_url(f"{network.url}/")
    assert other.evaluate("caches.keys()") == []
    network.down()
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        other.goto(f"{network.url}/visits/{visit}/field")
    assert scene.town.run(lambda: db.session.scalar(sa.select(sa.func.count(Note.id)))) == 0


@pytest.mark.parametrize("closed", [False, True])
def test_who_left_the_team_while_the_browser_was_closed_loses_what_was_kept(
    scene: Scene,
    walk: tuple[int, int],
    network: Network,
    phone: Callable[[str], BrowserContext],
    closed: bool,
) -> None:
    visit, question = walk
    one = phone("one")
    page = loaded(one, network, "scribe", visit)
    network.down()
    tap(page, question, "settle", "Réparé sur place.")
    status(page).to_have_text("1 note pas encore envoyée")
    kept_cookies = one.cookies()
    one.close()

    def leave() -> None:
        with write() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == scene.town.person("scribe")))
            if closed:
                session.get(Space, visit).visibility = "hidden"

    scene.town.run(leave)
    network.up()
    one = phone("one")
    one.add_cookies(kept_cookies)
    page = one.pages[0]
    answer = page.goto(f"{network.url}/visits/{visit}/field")
    assert answer is not None
    assert answer.status == 403
    page.get_by_text("Vous n’êtes pas dans l’équipe de cette visite").wait_for()
    expect(page.locator("#field")).to_have_attribute("data-wiped", "")
    expect(page.locator("#field-status")).to_be_hidden()
    assert page.evaluate(WAITING) == []
    assert page.evaluate("Object.keys(localStorage).filter(key => key.endsWith('-unsent'))") == []
    assert page.evaluate("caches.keys()") == []
    assert kept(scene) == []


@pytest.mark.parametrize("status_code", [403, 404])
def test_what_waits_outlives_a_server_that_does_not_know_the_visit_for_a_while(
    scene: Scene,
    walk: tuple[int, int],
    network: Network,
    phone: Callable[[str], BrowserContext],
    status_code: int,
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    pattern = "**/field/*"
    page.route(pattern, lambda route: route.fulfill(status=status_code, body="<p>no such page"))
    with page.expect_response(pattern):
        tap(page, question, "settle")
    page.wait_for_timeout(300)
    status(page).to_have_text("1 note pas encore envoyée")
    page.unroute(pattern)
    page.evaluate("dispatchEvent(new Event('online'))")
    status(page).to_have_text("Toutes les notes sont envoyées")
    assert [note.outcome for note in kept(scene)] == ["settle"]


def test_who_leaves_one_team_keeps_the_notes_of_other_visits(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    network.down()
    tap(page, question, "settle")
    status(page).to_have_text("1 note pas encore envoyée")
    page.evaluate(COPY, [str(visit), scene.town.person("scribe"), scene.town.person("second")])
    page.reload()
    status(page).to_have_text("3 notes pas encore envoyées (1 pour un autre compte, 1 d’une autre visite)")

    def leave() -> None:
        with write() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == scene.town.person("scribe")))

    scene.town.run(leave)
    network.up()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.get_by_text("Vous ne faites plus partie de l’équipe").wait_for()
    kept_here = page.evaluate(WAITING)
    assert kept_here == [["0", scene.town.person("scribe")], [str(visit), scene.town.person("second")]]


OPENED = """new Promise(resolve => {
    const opening = indexedDB.open("visits-field", 1);
    opening.onsuccess = () => resolve(opening.result.transaction("notes", "readwrite").objectStore("notes"));
})"""
COPY = f"""([visit, own, second]) => {OPENED}.then(notes => {{
    for (const [other, user] of [["0", own], [visit, second]]) {{
        notes.add({{visit: other, user, key: `k${{user}}`, said: "Noted", place: "", fields: {{}}}});
    }}
}})"""
WAITING = f"""() => {OPENED}.then(notes => new Promise(resolve => {{
    const all = notes.getAll();
    all.onsuccess = () => resolve(all.result.map(one => [one.visit, one.user]));
}}))"""


def test_the_page_that_was_kept_the_evening_before_takes_notes_on_the_day(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    stand(scene, visit, "ready")
    page = loaded(phone("one"), network, "scribe", visit)
    settle = page.locator(f"#question-{question} button[value=settle]")
    expect(settle).to_be_disabled()
    page.get_by_text("à partir du jour de la visite").first.wait_for()
    network.down()
    page.clock.set_fixed_time(row(scene, Visit, visit).starts_at)
    page.reload()
    expect(page.locator("[data-practice]")).to_have_count(0)
    settle.click()
    status(page).to_have_text("1 note pas encore envoyée")
    network.up()
    page.reload()
    page.get_by_text("Rien n’est noté.").wait_for()
    assert kept(scene) == [], "whatever the telephone takes for today"
    stand(scene, visit, "in_progress")
    page.reload()
    status(page).to_have_text("Toutes les notes sont envoyées")
    assert row(scene, Question, question).outcome == "settled"


def test_signing_out_asks_first_on_any_page_while_notes_are_not_sent(
    scene: Scene, walk: tuple[int, int], network: Network, phone: Callable[[str], BrowserContext]
) -> None:
    visit, question = walk
    page = loaded(phone("one"), network, "scribe", visit)
    network.down()
    tap(page, question, "settle", "Réparé sur place.")
    status(page).to_have_text("1 note pas encore envoyée")
    network.up()
    page.goto(f"{network.url}/visits/")
    page.locator(".own-menu summary").click()
    page.get_by_role("button", name="Se déconnecter").click()
    asks = page.get_by_role("dialog")
    asks.get_by_text("1 note pas encore envoyée").wait_for()
    asks.get_by_role("button", name="Annuler").click()
    page.goto(f"{network.url}/visits/{visit}/field")
    status(page).to_have_text("Toutes les notes sont envoyées")
    page.goto(f"{network.url}/visits/")
    page.locator(".own-menu summary").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.get_by_text("Se connecter").first.wait_for()
    assert page.get_by_role("dialog").count() == 0


SMALL = """() => [...document.querySelectorAll(".field-card :is(summary, button, input, textarea)")]
    .filter(one => one.checkVisibility() && one.type !== "hidden" && one.getBoundingClientRect().height < 44)
    .map(one => one.outerHTML)"""


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_one_question_is_open_at_a_time_with_large_buttons(
    scene: Scene, walk: tuple[int, int], network: Network, new_page: Callable[..., Page], javascript: bool
) -> None:
    visit, first = walk
    stand(scene, visit, "collecting")
    second = scene.accepted(visit, title="Where is the bench?", body="It was by the well.")
    stand(scene, visit, "in_progress")
    page = sign_in(new_page(width=360, java_script_enabled=javascript), network.url, "scribe")
    page.goto(f"{network.url}/visits/{visit}/field")
    buttons = [page.locator(f"#question-{ident} button[value=inform]") for ident in (first, second)]
    expect(buttons[0]).to_be_visible()
    expect(buttons[1]).to_be_hidden()
    page.locator(f"#question-{second} > summary").click()
    expect(buttons[0]).to_be_hidden()
    expect(buttons[1]).to_be_visible()
    if javascript:
        assert page.evaluate(SMALL) == []
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        tap(page, second, "inform", "Il revient en mai.")
    if javascript:
        status(page).to_have_text("Toutes les notes sont envoyées")
    else:
        page.get_by_text("C’est noté.").wait_for()
    expect(buttons[1]).to_be_visible()
    expect(buttons[0]).to_be_hidden()
    assert [note.outcome for note in kept(scene)] == ["inform"]


def test_without_javascript_each_note_is_a_form(
    scene: Scene, walk: tuple[int, int], network: Network, new_page: Callable[..., Page]
) -> None:
    visit, question = walk
    page = sign_in(new_page(width=360, java_script_enabled=False), network.url, "scribe")
    page.goto(f"{network.url}/visits/{visit}/field")
    tap(page, question, "settle", "Réparé sur place.")
    page.get_by_text("C’est noté.").wait_for()
    page.locator("summary", has_text="Une nouvelle question").click()
    page.get_by_label("Question, telle qu’elle a été posée").fill("Et le banc ?")
    page.get_by_role("button", name="Garder la question").click()
    page.get_by_text("C’est noté.").wait_for()
    assert [note.outcome for note in kept(scene)] == ["settle", ""]
    assert row(scene, Question, question).outcome == "settled"
