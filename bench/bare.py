"""The reference: the rows of the home feed, shown by plain Flask, SQLAlchemy and Jinja."""

import gc
import os
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from core.config import Config
from ops.rsgi import Application

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Feed</title></head><body><main>
{% for row in rows %}<article><h2>{{ row.title }}</h2>
<p><a href="/people/{{ row.handle }}">{{ row.name }}</a>
in <a href="/spaces/{{ row.space_id }}">{{ row.space }}</a>
<time datetime="{{ row.published_at }}">{{ row.published_at }}</time></p>
{{ row.html|safe }}<p>{{ row.support_count }} {{ row.reply_count }}</p></article>{% endfor %}
<a href="/?before={{ rows[-1].id }}">More</a></main></body></html>"""

NEWEST = """SELECT e.id, e.title, e.html, e.published_at, e.support_count, e.reply_count, e.space_id,
u.name, u.handle, s.name AS space
FROM core_entry e CROSS JOIN core_space s ON s.id = e.space_id CROSS JOIN core_user u ON u.id = e.author_id
WHERE e.in_feed AND s.visibility = 'public' ORDER BY e.published_at DESC, e.id DESC LIMIT 20"""


def create() -> Flask:
    """The application over the database of BENCH_DATABASE, which says BENCH_TOKEN in each answer."""
    app = Flask(__name__)
    engine = sa.create_engine(f"sqlite:///{os.environ['BENCH_DATABASE']}")
    statement, template = sa.text(NEWEST), app.jinja_env.from_string(PAGE)

    @event.listens_for(engine, "connect")
    def _patient(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=30000")

    @app.get("/")
    def home() -> tuple[str, dict[str, str]]:
        with engine.connect() as connection:
            rows = connection.execute(statement).all()
        return template.render(rows=rows), {"X-Bench": os.environ["BENCH_TOKEN"]}

    return app


def serve() -> Application:
    """The application on the portal's own server, so that only what makes the page is another."""
    pages = Application(create().wsgi_app, Config.from_env())
    gc.collect()
    gc.freeze()
    return pages
