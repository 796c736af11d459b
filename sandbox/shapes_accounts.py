"""How accounts, Apps and repositories are written as JSON: named and nested as GitHub does."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.auth import iso
from sandbox.state import App, Installation, Repository, User, World

Json = dict[str, Any]

USER_LINKS = {
    "events_url": "/events{/privacy}",
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "organizations_url": "/orgs",
    "received_events_url": "/received_events",
    "repos_url": "/repos",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
}
REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
ORGANIZATION_LINKS = {
    "repos_url": "/repos",
    "events_url": "/events",
    "hooks_url": "/hooks",
    "issues_url": "/issues",
    "members_url": "/members{/member}",
    "public_members_url": "/public_members{/member}",
}
MINIMAL = ("id", "node_id", "name", "full_name", "private", "owner", "html_url", "url", "description", "fork")
"""What runs say of their repository, beside its links."""
NONE_YET = ("forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "size")
NONE_YET_EITHER = ("network_count", "subscribers_count")
UNKNOWN = ("description", "homepage", "language", "mirror_url", "license")
HAS = {"issues": True, "projects": True, "wiki": True, "pages": False, "discussions": False, "downloads": True}
MAY = {"is_template": False, "allow_forking": True, "web_commit_signoff_required": False}
PROFILE = ("bio", "blog", "company", "email", "hireable", "location")


class Accounts:
    """Writes accounts and what they own, for one world under one address."""

    def __init__(self, world: World, url: str, api_url: str) -> None:
        self.world = world
        self.url = url
        self.api = api_url

    def user(self, user: User) -> Json:
        """A user, an organisation or a bot, as others name it."""
        api = f"{self.api}/users/{quote(user.login)}"
        page = f"apps/{user.login.removesuffix('[bot]')}" if user.type == "Bot" else user.login
        return {
            "login": user.login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "avatar_url": f"{self.url}/avatars/{user.id}",
            "gravatar_id": "",
            "url": api,
            "html_url": f"{self.url}/{page}",
            **{name: api + rest for name, rest in USER_LINKS.items()},
            "type": user.type,
            "site_admin": False,
        }

    def organization(self, user: User) -> Json:
        """An organisation, as webhooks name it beside what happened."""
        api = f"{self.api}/orgs/{user.login}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "url": api,
            **{name: api + rest for name, rest in ORGANIZATION_LINKS.items()},
            "avatar_url": f"{self.url}/avatars/{user.id}",
            "description": "",
        }

    def profile(self, user: User) -> Json:
        """A user as one is read."""
        since = iso(self.world.began)
        return {
            **self.user(user),
            **dict.fromkeys(PROFILE),
            "name": user.login,
            "followers": 0,
            "following": 0,
            "public_gists": 0,
            "public_repos": sum(each.owner is user for each in self.world.repositories.values()),
            "created_at": since,
            "updated_at": since,
        }

    def app(self, app: App) -> Json:
        """An App."""
        since = iso(self.world.began)
        return {
            "id": app.id,
            "client_id": f"Iv1.{app.id:016x}",
            "slug": app.slug,
            "node_id": f"A_{app.id}",
            "owner": self.user(app.bot),
            "name": app.slug,
            "description": "",
            "external_url": f"{self.url}/apps/{app.slug}",
            "html_url": f"{self.url}/apps/{app.slug}",
            "created_at": since,
            "updated_at": since,
            "permissions": {"metadata": "read", **app.permissions},
            "events": list(app.events),
        }

    def installation(self, installation: Installation) -> Json:
        """An installation of an App."""
        api, since = f"{self.api}/app/installations/{installation.id}", iso(installation.created_at)
        return {
            "id": installation.id,
            "account": self.user(installation.account),
            "repository_selection": "selected",
            "access_tokens_url": f"{api}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.url}/settings/installations/{installation.id}",
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_id": installation.account.id,
            "target_type": installation.account.type,
            "permissions": {"metadata": "read", **installation.permissions},
            "events": list(installation.app.events),
            "created_at": since,
            "updated_at": since,
            "single_file_name": None,
            "suspended_by": self.user(installation.account) if installation.suspended_at else None,
            "suspended_at": iso(installation.suspended_at),
        }

    def repository(self, repository: Repository, full: bool = False) -> Json:
        """A repository; `full` as one is read, else as it is named in other things."""
        name, since = repository.full_name, iso(repository.created_at)
        api, page = f"{self.api}/repos/{name}", f"{self.url}/{name}"
        open_issues = sum(each.state == "open" for each in repository.issues.values())
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": name,
            "private": repository.private,
            "visibility": "private" if repository.private else "public",
            "owner": self.user(repository.owner),
            "html_url": page,
            "url": api,
            **{key: api + rest for key, rest in REPOSITORY_LINKS.items()},
            "clone_url": f"{page}.git",
            "git_url": f"git://{self.url.partition('://')[2]}/{name}.git",
            "ssh_url": f"git@sandbox:{name}.git",
            "svn_url": page,
            "default_branch": repository.default_branch,
            "fork": False,
            "archived": repository.archived,
            "disabled": False,
            **dict.fromkeys(UNKNOWN),
            **dict.fromkeys(NONE_YET, 0),
            **(dict.fromkeys(NONE_YET_EITHER, 0) if full else {}),
            **{f"has_{key}": value for key, value in HAS.items()},
            **MAY,
            "topics": [],
            "open_issues": open_issues,
            "open_issues_count": open_issues,
            "created_at": since,
            "updated_at": since,
            "pushed_at": since,
        }

    def repository_minimal(self, repository: Repository) -> Json:
        """A repository as runs name it."""
        shape = self.repository(repository)
        return {name: shape[name] for name in (*MINIMAL, *REPOSITORY_LINKS)}

    def repository_link(self, repository: Repository) -> Json:
        """The little that check runs and workflow runs say of a pull request's repositories."""
        url = f"{self.api}/repos/{repository.full_name}"
        return {"id": repository.id, "url": url, "name": repository.name}
