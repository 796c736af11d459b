"""The bot against a model of it: random lives of one repository, and the state that each must end in."""
