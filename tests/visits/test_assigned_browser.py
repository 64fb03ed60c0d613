"""The pages of departments, delegates and templates: on a telephone, without JavaScript, for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .test_assigned import assigned, casework, department, link_of
from .test_browser import address, sign_in  # noqa: F401  a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Scene


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for what a browser sees."""
    return sqlite_url


def test_a_department_answers_by_its_link_on_a_telephone(
    scene: Scene,
    address: str,  # noqa: F811
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
) -> None:
    visit, ident = scene.visit(), department(scene)
    question = assigned(scene, visit, ident)
    link = link_of(scene)
    shown = new_page(width=360)
    shown.goto(address + link)
    assert axe(shown) == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360
    page = new_page(width=360, java_script_enabled=False)
    page.goto(address + link)
    page.get_by_role("textbox", name="Réponse").fill("Les travaux commencent en mars.")
    page.get_by_role("button", name="Envoyer pour validation").click()
    page.get_by_text("invité·es à valider votre réponse").wait_for()
    assert casework(scene, question).answer == "to_approve"


def test_the_pages_of_members_officials_and_organisers_are_for_everybody(
    scene: Scene,
    address: str,  # noqa: F811
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
) -> None:
    visit, ident = scene.visit(), department(scene, members=("colleague",))
    question = assigned(scene, visit, ident)
    scene.browser("admin").submit("/visits/templates/new", title="Trottoirs", theme="", body="Le {date}.")
    for name, paths in (
        ("colleague", ("/visits/department", f"/visits/department/{question}")),
        (
            "deputy",
            ("/visits/delegate", f"/visits/questions/{question}", f"/visits/{visit}/review?queue=overdue"),
        ),
        ("admin", ("/visits/templates", "/visits/templates/1", "/visits/templates/new")),
    ):
        page = sign_in(new_page(width=360), address, name)
        for path in paths:
            page.goto(address + path)
            assert axe(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
