"""Judging music: a listener of its own, tempo, and the distance to compositions that no model has heard."""
