"""The web process: settings, store and door put together with the receiver into one Flask application."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flask import Flask, Response

from bot.clock import now
from bot.core.hub import RepositoryId
from bot.flows.door import Door
from bot.logs import configure
from bot.outage import Outage
from bot.settings import NEEDS_DATABASE, BadSettings, Settings, introduced
from bot.store import Store, engine_for
from handlers import receiver

PATIENCE_MS = 200
"""How long the receiver waits for another writer before it answers 503: GitHub waits ten seconds and tries once."""


def create_app(env: Mapping[str, str] | None = None, embedded: bool = False) -> Flask:
    """The application that gunicorn serves. Raises BadSettings when the environment cannot be used.

    `embedded`: the worker runs on this machine, so a SQLite file will do.
    """
    env = os.environ if env is None else env
    app = Flask("bot")
    if not introduced(env):
        _without_credentials(app)
        return app
    settings = Settings.from_env(env)
    if settings.database_url is None and not embedded:
        raise BadSettings((NEEDS_DATABASE,))
    configure(settings.log_level)
    store = Store(engine_for(settings.store_url, settings.data_dir, PATIENCE_MS), now)

    def admits(repository: RepositoryId) -> bool:
        return not settings.installations or repository.installation in settings.installations

    app.register_blueprint(receiver.blueprint(Door(store), settings.webhook_secrets, admits))
    _health(app, store)
    return app


def _health(app: Flask, store: Store) -> None:
    @app.get("/healthz")
    def healthz() -> str:
        return "ok\n"

    @app.get("/readyz")
    def readyz() -> Response:
        try:
            store.check()
        except Outage as outage:
            return Response(f"{outage}\n", 503, content_type="text/plain")
        return Response("ready\n", content_type="text/plain")


def _without_credentials(app: Flask) -> None:
    """Before the App is known: healthy, and ready for nothing."""

    @app.post("/webhook")
    def webhook() -> Response:
        return Response("APP_ID, PRIVATE_KEY and WEBHOOK_SECRET are not set yet\n", 503, content_type="text/plain")

    @app.get("/healthz")
    def healthz() -> str:
        return "ok\n"
