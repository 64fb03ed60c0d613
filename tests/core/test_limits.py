"""What a form may ask of the portal: pictures, dates and combinations that would cost or break something."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image
from werkzeug.datastructures import MultiDict

from core import access, pictures
from core.accounts import throttle
from core.db import db
from core.models import Entry, Membership, Space
from core.spaces import actions as spaces

if TYPE_CHECKING:
    from core.testing import Browser, Town


def png(width: int = 30, height: int = 20, form: str = "PNG") -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(data, form)
    data.seek(0)
    return data


def post(browser: Browser, space: int, count: int = 1, picture: Any = png, **fields: str) -> Any:
    """Post with so many pictures."""
    form = MultiDict({"body": "Look", **fields})
    for number in range(count):
        form.add("pictures", (picture(), f"{number}.png"))
        form.add("alts", f"Picture {number}")
    return browser.submit(f"/spaces/{space}/posts", f"/spaces/{space}", **form.to_dict(flat=False))


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pictures that were decoded: the work that is to be bounded."""
    done: list[int] = []
    decode = pictures.decode

    def counted(data: bytes) -> Any:
        done.append(len(data))
        return decode(data)

    monkeypatch.setattr(pictures, "decode", counted)
    return done


def test_a_preview_opens_no_picture(town: Town, prepared: list[int]) -> None:
    space, ana = town.space("Square", "ana"), town.browser("ana")
    assert post(ana, space, preview="1").status_code == 200
    assert prepared == []
    assert post(ana, space).status_code == 302
    assert len(prepared) == 1


def test_pictures_of_one_request_are_bounded_together(
    town: Town, prepared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 3000)
    space, ana = town.space("Square", "ana"), town.browser("ana")
    refused = post(ana, space, 2, lambda: png(50, 40))
    assert refused.status_code == 422
    assert "Together these pictures are too large" in refused.text
    assert prepared == []
    assert post(ana, space, 2, lambda: png(50, 40, "JPEG")).status_code == 302, "those are read small"
    assert post(ana, space, 2, lambda: png(30, 40)).status_code == 302


def test_pictures_are_counted(town: Town, prepared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    burst = (throttle.Limit("account", 3, throttle.MINUTE),)
    monkeypatch.setitem(throttle.LIMITS, "picture", burst)
    space, ana = town.space("Square", "ana"), town.browser("ana")
    assert post(ana, space, 3).status_code == 302
    assert post(ana, space).status_code == 429
    assert ana.submit("/me", name="Ana", about="", picture=(png(), "me.png")).status_code == 429
    assert len(prepared) == 3
    assert post(town.browser("ben"), space).status_code == 302


def test_a_feed_is_the_same_whoever_asks_and_in_whatever_language(town: Town) -> None:
    space, ana = town.space("Square", "ana"), town.browser("ana", "agent")
    assert post(ana, space).status_code == 302
    for path in ("/feed.atom", "/people/ana/feed.atom", f"/spaces/{space}/feed.atom"):
        texts = {
            browser.get(path, headers={"Accept-Language": language}).text
            for browser in (ana, town.browser())
            for language in ("fr", "en", "")
        }
        assert len(texts) == 1, path
        assert "public" in town.browser().get(path).headers["Cache-Control"]


def test_a_hidden_space_that_anybody_joins_is_refused_by_the_verb(town: Town) -> None:
    def found() -> None:
        spaces.create_space("core.group", "Nook", visibility="hidden", joining="open")

    town.person("zoe", "agent")
    with pytest.raises(access.Refused):
        town.run(found, "zoe")
    space = town.space("Square", "zoe")

    def hide() -> None:
        spaces.change_space(db.session.get(Space, space), visibility="hidden")

    with pytest.raises(access.Refused):
        town.run(hide, "zoe")
    assert town.run(lambda: db.session.scalars(sa.select(Space.visibility)).all()) == ["public"]


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_date_at_the_end_of_the_calendar_is_a_mistake_beside_its_field(town: Town, year: str) -> None:
    space, ana = town.space("Square", "ana"), town.browser("ana", "agent")
    member = town.person("ben")
    town.run(lambda: spaces.set_role(db.session.get(Space, space), member, "member"))
    page = f"/spaces/{space}/members/{member}"
    answer = ana.submit(page, role="member", until=f"{year}-12-31" if year == "9999" else f"{year}-01-01")
    assert answer.status_code == 422
    assert "too far away" in answer.text
    assert town.run(lambda: db.session.scalars(sa.select(Membership.expires_at)).all()) == [None, None]
    found = ana.get(f"/search?q=word&since={year}-01-01&until={year}-12-31")
    assert found.status_code == 200
    assert "year-month-day" in found.text
    assert town.run(lambda: db.session.scalars(sa.select(Entry.id)).all()) == []
