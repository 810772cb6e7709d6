"""The names the synthetic world is made of: ten causes of sound (the Landscape set's nine and the sea), places, lights, splits."""

from __future__ import annotations

CLASSES = (
    "explosion",
    "fire crackling",
    "raining",
    "splashing water",
    "squishing water",
    "thunder",
    "underwater bubbling",
    "waterfall burbling",
    "wind noise",
    "sea waves",
)
CALM = "calm"
PLACES = ("coast", "forest", "mountain", "field", "desert", "lake", "street", "harbour")
LIGHTS = ("day", "dusk", "night", "overcast")

# Pairs never shown in training: what a model makes of them is generalisation, not memory.
HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    {
        ("explosion", "coast"),
        ("fire crackling", "mountain"),
        ("raining", "desert"),
        ("splashing water", "street"),
        ("squishing water", "coast"),
        ("thunder", "harbour"),
        ("underwater bubbling", "forest"),
        ("waterfall burbling", "field"),
        ("wind noise", "lake"),
        ("sea waves", "lake"),
    }
)

# How much oftener than elsewhere a cause is shown in a place.
PLACE_WEIGHTS = {"sea waves": {"coast": 3, "lake": 3, "harbour": 3}}

SPLITS = {"train": 0, "validation": 1, "test": 2, "evaluator": 3, "evaluator-test": 4}
SPLIT_SIZE = 10**9


def known(name: str, names: tuple[str, ...], what: str) -> str:
    """Return `name` if it is one of `names`; raise ValueError listing them if not."""
    if name not in names:
        raise ValueError(f"unknown {what} {name!r}: expected one of {', '.join(names)}")
    return name
