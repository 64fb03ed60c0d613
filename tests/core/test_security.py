"""Every defence of `core/security.py`: a test each that fails when the defence is taken out."""

import datetime as dt
import io
import re
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, g, request

from core import security
from core.config import Config
from core.db import db, now
from core.models import Entry
from core.testing import Town


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the engine."""
    return sqlite_url


def token(page: str) -> str:
    """The cross-site token of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found.group(1)


def test_scripts_and_styles_need_the_nonce_of_their_own_answer(town: Town) -> None:
    first, second = (town.browser().get("/sign-in") for _ in range(2))
    policy = first.headers["Content-Security-Policy"]
    (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
    assert f'<style nonce="{nonce}">' in first.text
    assert nonce not in second.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self'"):
        assert part in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/nothing-here", "/static/parvis.css", "/healthz"])
def test_every_answer_carries_the_usual_headers(town: Town, path: str) -> None:
    page = town.browser().get(path)
    page.close()
    headers = page.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_https_is_remembered_by_the_browser(town: Town) -> None:
    page = town.browser().get("/", base_url="https://localhost")
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_pages_of_somebody_signed_in_are_kept_by_nobody(town: Town) -> None:
    assert town.browser("ana").get("/").headers["Cache-Control"] == "no-store, private"
    assert "private" in town.browser().get("/").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("a b", 400),
    ],
)
def test_only_trusted_hosts_are_answered(town: Town, host: str, status: int) -> None:
    page = town.browser().get("/", headers={"Host": host})
    assert page.status_code == status
    assert "evil" not in page.text


def test_trusted_hosts_come_from_the_settings() -> None:
    config = Config(url="https://parvis.example", host="0.0.0.0", trusted_hosts=("WWW.Parvis.example",))
    assert security.trusted_hosts(config) == ["parvis.example", "www.parvis.example"]
    assert "localhost" in security.trusted_hosts(Config())


def test_a_post_without_token_changes_nothing(town: Town) -> None:
    browser = town.browser()
    refused = browser.client.post("/language", data={"language": "fr"})
    assert refused.status_code == 400
    assert "language=" not in str(refused.headers.getlist("Set-Cookie"))
    accepted = browser.submit("/language", _page="/", language="fr")
    assert accepted.status_code == 302
    assert "language=fr" in str(accepted.headers.getlist("Set-Cookie"))


def test_whoever_asks_for_the_head_of_a_form_sends_none(town: Town) -> None:
    ana = town.browser("ana")
    ana.submit(f"/spaces/{town.space('Square', 'ana')}/posts", body="Good morning.")
    post = town.run(lambda: db.session.scalars(sa.select(Entry.id)).one())
    head = ana.client.head(f"/posts/{post}/remove")
    assert (head.status_code, head.data) == (200, b"")
    assert town.run(lambda: db.session.scalars(sa.select(Entry.state)).all()) == ["published"]


def test_the_token_of_another_browser_is_refused(town: Town) -> None:
    stolen = token(town.browser().get("/").text)
    browser = town.browser()
    browser.get("/")
    assert browser.client.post("/language", data={"csrf_token": stolen}).status_code == 400


def test_a_form_over_https_needs_its_token_and_no_referer(town: Town) -> None:
    client, secure = town.browser().client, {"base_url": "https://localhost"}
    form = {"language": "fr", "csrf_token": token(client.get("/", **secure).text)}
    assert client.post("/language", data=form, **secure).status_code == 302
    stolen = {**form, "csrf_token": token(town.browser().get("/", **secure).text)}
    assert client.post("/language", data=stolen, **secure).status_code == 400
    assert client.post("/language", data={"language": "fr"}, **secure).status_code == 400


def test_what_was_typed_under_a_stale_token_can_be_sent_again(town: Town) -> None:
    browser = town.browser("ana")
    text = "Le platane de la place\nperd ses feuilles <b>en août</b>."
    fields = {"csrf_token": "stale", "body": text}
    page = browser.client.post("/spaces/1/posts", data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    assert page.status_code == 400
    assert "&lt;b&gt;en août&lt;/b&gt;" in page.text
    assert '<form class="panel" method="post" action="/spaces/1/posts">' in page.text
    browser.client.set_cookie("language", "en")
    again = browser.client.post("/language", data={"csrf_token": token(page.text), "language": "fr"})
    assert again.status_code == 302


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_what_another_site_filled_in_is_not_offered_for_sending(town: Town, site: str | None) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    page = town.browser("ana").client.post("/spaces/1/posts", data={"body": "Tricked!"}, headers=headers)
    assert page.status_code == 400
    assert "Tricked!" not in page.text


def test_a_password_is_never_written_back(town: Town) -> None:
    fields = {"email": "ana@example.org", "password": "Secret-Word-9"}
    page = town.browser().client.post("/sign-in", data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    assert page.status_code == 400
    assert "Secret-Word-9" not in page.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/%ff%fe", 400),
        ("/people/%00", 400),
        ("/people/a%1bb", 400),
        ("/?q=%ff", 400),
        ("/?q=%00", 400),
        ("/?q=%ed%a0%80", 400),
        ("/?q=" + "a" * 5000, 414),
        ("/" + "a" * 5000, 414),
        ("/people/" + "a" * 400, 404),
        ("/posts/99999999999999999999", 404),
        ("/posts/2147483648", 404),
        ("/posts/-1", 404),
        ("/?q=" + "%C3%A9" * 100, 200),
        ("/search?q=%EF%BF%BD", 200),
    ],
)
def test_damaged_addresses_are_refused(town: Town, path: str, status: int) -> None:
    assert town.browser().get(path).status_code == status


@pytest.mark.parametrize("value", [b"%FF", b"%00", b"\xff", b"a%00b", b"%ED%A0%80"])
def test_damaged_forms_are_refused(town: Town, value: bytes) -> None:
    browser = town.browser()
    body = b"csrf_token=" + token(browser.get("/").text).encode() + b"&language=fr&x="
    post = {"content_type": "application/x-www-form-urlencoded"}
    assert browser.client.post("/language", data=body + value, **post).status_code == 400
    assert browser.client.post("/language", data=body + b"%C3%A9", **post).status_code == 302


@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\x00b", b"\xff\xef\xbf\xbd", b"\xed\xa0\x80"])
def test_damaged_multipart_forms_are_refused(town: Town, value: bytes) -> None:
    browser = town.browser()
    parts = {"csrf_token": token(browser.get("/").text).encode(), "language": b"fr", "x": value}
    body = b"".join(
        b'--cut\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), text)
        for name, text in parts.items()
    )
    post = {"content_type": "multipart/form-data; boundary=cut"}
    assert browser.client.post("/language", data=body + b"--cut--\r\n", **post).status_code == 400
    well = body.replace(value, b"well") + b"--cut--\r\n"
    assert browser.client.post("/language", data=well, **post).status_code == 302
    assert browser.client.post("/language", data=well[:-9], **post).status_code < 500


@pytest.mark.parametrize("uploads", [False, True], ids=["without a picture", "with a picture field"])
def test_a_replacement_character_that_was_pasted_is_kept(town: Town, uploads: bool) -> None:
    body = "From a broken document: caf\ufffd\r\nand \ufffd."
    browser = town.browser("ana")
    values: dict[str, Any] = {"body": body, "space": str(town.space("Halle", "ana"))}
    if uploads:
        values["pictures"] = (io.BytesIO(b""), "")
    assert browser.submit("/posts/new", **values).status_code == 302
    kept = town.run(lambda: db.session.scalars(sa.select(Entry.body)).one())
    assert kept.splitlines() == body.splitlines()


def test_invisible_characters_of_a_paste_are_dropped(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"body": "a\x02b\tc\nd\ufffee"}):
        security._read_form()
        assert request.form["body"] == "ab\tc\nde"


def test_a_body_over_the_limit_is_refused(town: Town) -> None:
    browser = town.browser()
    fields = {"csrf_token": token(browser.get("/").text), "language": "fr"}
    town.app.config["MAX_CONTENT_LENGTH"] = 10_000
    page = browser.client.post("/language", data={**fields, "x": "a" * 20_000})
    assert page.status_code == 413
    assert "That is too large" in page.text
    assert browser.client.post("/language", data={**fields, "x": "a" * 2_000}).status_code == 302


def test_a_form_of_too_many_parts_is_refused(town: Town) -> None:
    browser = town.browser()
    fields = {"csrf_token": token(browser.get("/").text), "language": "fr"}
    many = {f"x{number}": "1" for number in range(400)}
    page = browser.client.post("/language", data={**fields, **many}, content_type="multipart/form-data")
    assert page.status_code == 413


def test_session_cookies_are_out_of_reach_of_scripts_and_other_sites(town: Town) -> None:
    cookies = town.browser().get("/").headers.getlist("Set-Cookie")
    assert cookies
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)


def test_the_nonce_is_the_same_throughout_a_request(app: Flask) -> None:
    with app.test_request_context("/"):
        assert security.nonce() == security.nonce() == g.nonce


def test_a_town_says_where_weaknesses_are_reported(town: Town) -> None:
    address = "/.well-known/security.txt"
    assert town.browser().get(address).status_code == 404
    town.app.config["PARVIS"] = replace(
        town.app.config["PARVIS"], security_contact="mailto:it@parvis.example"
    )
    answer = town.browser().get(address)
    assert answer.mimetype == "text/plain"
    said = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert said["Contact"] == "mailto:it@parvis.example"
    assert said["Canonical"] == "http://localhost/.well-known/security.txt"
    assert dt.datetime.fromisoformat(said["Expires"]) > now() + dt.timedelta(days=30)
