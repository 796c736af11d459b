"""A stand-in GitHub on loopback: REST, git over HTTP, webhooks and Actions. README.md says what it copies."""

from sandbox.server import Asked, RepositoryHandle, Sandbox
from sandbox.state import App, User

__all__ = ["App", "Asked", "RepositoryHandle", "Sandbox", "User"]
