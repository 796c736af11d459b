"""A stand-in GitHub on loopback: REST, git over HTTP, webhooks and Actions. README.md says what it copies."""

from sandbox.person import Denied, Person
from sandbox.server import Asked, RepositoryHandle, Sandbox
from sandbox.state import App, User
from sandbox.webhooks import Delivery

__all__ = ["App", "Asked", "Delivery", "Denied", "Person", "RepositoryHandle", "Sandbox", "User"]
