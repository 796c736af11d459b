"""How gunicorn serves the receiver: gevent workers, which hundreds of slow connections cannot block."""

import os
import sys
from typing import Any

import gevent
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

SLOWEST = 10
"""Seconds in which a request must have come and been answered: GitHub gives up after ten."""


class PunctualWorker(GeventWorker):
    """Ends a request that trickles in: gunicorn bounds the wait for headers (`keepalive`), not for a body."""

    def load_wsgi(self) -> None:
        """Load the application. Where the environment is wrong, say what is in sentences, and do not try again."""
        from bot.settings import BadSettings

        try:
            super().load_wsgi()
        except BadSettings as bad:
            sys.stderr.write("\n".join([*bad.faults, ""]))
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def handle_request(self, *request: Any) -> None:
        """Serve it, or close the connection when its time is up."""
        with gevent.Timeout(SLOWEST, False):
            super().handle_request(*request)
            return
        raise StopIteration  # gunicorn's word for "close this connection"


class JsonLogger(Logger):
    """gunicorn's own words in the form of all others."""

    def setup(self, cfg: Any) -> None:
        """Prepare the loggers."""
        from bot.logs import JsonFormatter

        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


wsgi_app = "bot.app:create_app()"
port = os.environ.get("PORT")
# Platforms that set PORT route to every address; without it only this machine can reach the receiver.
bind = f"{os.environ.get('HOST') or ('0.0.0.0' if port else '127.0.0.1')}:{port or 8000}"  # noqa: S104
worker_class = PunctualWorker
logger_class = JsonLogger
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
worker_connections = 1000
timeout = 30
graceful_timeout = 5
keepalive = 5
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
accesslog = None
errorlog = "-"
loglevel = "warning"
# A header name with an underscore could pass for another header: such headers are dropped, as proxies do.
header_map = "drop"
forwarder_headers = ""
