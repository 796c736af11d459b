"""The least that a receiver can do: an empty Flask answer after one insert into SQLite."""

from __future__ import annotations

import os
import sqlite3

from flask import Flask, request


def create_app() -> Flask:
    """The application that gunicorn serves."""
    app = Flask("floor")
    connection = sqlite3.connect(os.environ["FLOOR_DATABASE"], check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, body BLOB)")

    @app.post("/webhook")
    def webhook() -> tuple[str, int]:
        connection.execute("INSERT INTO deliveries (body) VALUES (?)", (request.get_data(),))
        return "", 202

    return app
