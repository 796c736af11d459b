"""How gunicorn serves the receiver: gevent workers, which four hundred slow connections cannot block."""

import os

wsgi_app = "bot.app:create_app()"
port = os.environ.get("PORT")
# Platforms that set PORT route to every address; without it only this machine can reach the receiver.
bind = f"{os.environ.get('HOST') or ('0.0.0.0' if port else '127.0.0.1')}:{port or 8000}"  # noqa: S104
worker_class = "gevent"
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
worker_connections = 1000
timeout = 30
graceful_timeout = 10
keepalive = 1
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
accesslog = None
errorlog = "-"
loglevel = "warning"
# A header name with an underscore could pass for another header: such headers are dropped, as proxies do.
header_map = "drop"
forwarder_headers = ""
