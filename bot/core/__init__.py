"""The pure core: given what git and GitHub say, compute what a release is. See README.md here."""
