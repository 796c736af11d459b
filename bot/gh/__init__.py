"""GitHub's REST API through PyGithub: the few verbs this project needs, in values of `bot.core.hub`.

    hub = Hub(api_url, app_id, private_key)
    repository = hub.repository(RepositoryId(...))     # a manifest repository
    builds = hub.builds(repository.id, "coreos/scripts")   # where its images are built
    branches = hub.branches(repository.id, "coreos/etcd")  # what its release branches need in a project

Nothing of PyGithub leaves this package. A failed call is either an Outage (try again later) or a Denied
(GitHub understood and said no); `line.py` decides which. No call that writes is ever repeated in here: each verb
looks before it writes, so that whoever called it can simply call it again.
"""

from bot.gh.branches import Branch, Branches
from bot.gh.builds import Builds
from bot.gh.hub import Hub
from bot.gh.repository import Repository

__all__ = ["Branch", "Branches", "Builds", "Hub", "Repository"]
