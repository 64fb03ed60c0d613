"""Somebody who opens every page that links lead to, and fills in every form found there."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin, urlsplit

import html5lib
from werkzeug.datastructures import MultiDict

from core.testing import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.testing import Browser, Town

TEXTS = {"text", "search", "tel", "url", ""}
LEFT = re.compile(  # they end what the walk stands on, and hold no words
    r"sign-out|/language|/switch|/remove|/leave|/devices|/second-factor|/sign-in|/reset|/confirm|/close|/retry"
    r"|/hide|/lock|/expel|/me/password|/me/email|/unsubscribe"
)
HOURS = {"starts": "18:00", "ends": "20:00"}


def tree(text: str) -> Any:
    """The document as a browser understands it."""
    return html5lib.parse(text, namespaceHTMLElements=False)


@dataclass
class Form:
    """A form of a page: where it goes, and what it says; the fields in `texts` take any words."""

    action: str
    said: MultiDict[str, str]
    texts: set[str]

    @classmethod
    def of(cls, page: str, element: Any, words: str) -> Form:
        """The form with these words in every place that takes words."""
        said, texts = MultiDict[str, str](), set()
        for one in element.iter():
            name, kind, value = one.get("name"), one.get("type", ""), one.get("value", "")
            if not name or one.tag not in ("input", "textarea", "select"):
                continue
            if one.tag == "textarea" or (one.tag == "input" and kind in TEXTS):
                texts.add(name)
                value = words
            elif one.tag == "select":
                options = [
                    (option.get("value", ""), "selected" in option.attrib) for option in one.iter("option")
                ]
                chosen = [value for value, selected in options if selected]
                value = (chosen or [value for value, _selected in options if value] or [""])[0]
            elif kind in ("checkbox", "radio"):
                if "checked" not in one.attrib and (kind == "checkbox" or name in said):
                    continue
                if kind == "radio" and name in said:
                    said.pop(name)
            elif kind == "date":
                ahead = 7 if name == "closes" else 20
                value = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=ahead)).isoformat()
            elif kind == "time":
                value = HOURS.get(name, "18:00")
            elif kind == "email":
                value = value or "somebody@example.org"
            elif kind == "password":
                value = PASSWORD
            elif kind in ("file", "submit", "button"):
                continue
            said.add(name, value)
        return cls(urlsplit(urljoin(page, element.get("action") or page)).path, said, texts)


@dataclass
class Walk:
    """What somebody found: pages by address, and the forms that were sent, by route and field."""

    town: Town
    browser: Browser
    pages: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    written: set[tuple[str, str]] = field(default_factory=set)

    def rule(self, path: str, method: str = "GET") -> str:
        """The route of a path."""
        adapter = self.town.app.url_map.bind("localhost")
        try:
            return str(adapter.match(path, method, return_rule=True)[0].rule)
        except Exception:  # noqa: BLE001  a redirect or nothing
            return path

    def everywhere(self, most: int = 2) -> Iterator[tuple[str, Any]]:
        """Each page that links lead to, at most so many of each route, as it is read."""
        waiting, seen, count = ["/", "/feed.atom"], {"/"}, dict[str, int]()
        while waiting:
            path = waiting.pop(0)
            rule = self.rule(urlsplit(path).path)
            if LEFT.search(path) or count.get(rule, 0) >= most:
                continue
            count[rule] = count.get(rule, 0) + 1
            answer = self.browser.get(path)
            self.kinds[path] = answer.mimetype
            if answer.status_code in (301, 302, 303):
                waiting.append(answer.location)
            if answer.mimetype != "text/html" or answer.status_code != 200:
                continue
            self.pages[path] = answer.text
            document = tree(answer.text)
            yield path, document
            for link in document.iter("a"):
                target = urldefrag(urljoin(path, link.get("href") or "")).url
                if target.startswith("/") and not target.startswith("//") and target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def fill(self, words: str, change: Callable[[Form], None] = lambda form: None) -> None:
        """Send every form once for its route, with these words."""
        for path, document in self.everywhere():
            for element in document.iter("form"):
                if (element.get("method") or "").lower() != "post":
                    continue
                form = Form.of(path, element, words)
                rule = self.rule(form.action, "POST")
                if LEFT.search(form.action) or rule in self.sent:
                    continue
                change(form)
                answer = self.browser.client.post(form.action, data=form.said)
                self.sent[rule] = answer.status_code
                if answer.status_code in (200, 302, 303):
                    self.written |= {(rule, name) for name in form.texts}

    def fields(self) -> set[tuple[str, str]]:
        """The fields that take words of all forms on the pages that were found, each with its route."""
        forms = [
            Form.of(path, element, "")
            for path, text in self.pages.items()
            for element in tree(text).iter("form")
            if (element.get("method") or "").lower() == "post"
        ]
        return {(self.rule(form.action, "POST"), name) for form in forms for name in form.texts}
