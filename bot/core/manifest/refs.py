"""Which names of branches, tags and commits a release may be made from: the rules that hold for all names here."""

from bot.core.refs import ref_problem, revision_problem

__all__ = ["ref_problem", "revision_problem"]
