"""Sentences about a scene: place, light, and the cause in words that grow with its intensity."""

from __future__ import annotations

import re

import numpy as np

from sonicdiff.synthetic.classes import CALM
from sonicdiff.synthetic.scenes import Scene

PLACE_WORDS = {
    "coast": ("a sandy beach by the sea", "the sea coast", "a beach with headlands", "a shore of the ocean"),
    "forest": ("a forest path", "a green forest", "the woods", "a forest clearing"),
    "mountain": ("high mountains", "a mountain valley", "snow-capped mountains", "a mountain range"),
    "field": ("a wide field", "farmland with a barn", "a meadow", "rolling fields"),
    "desert": ("a sandy desert", "desert dunes", "the dunes of a desert", "a dry desert with rocks"),
    "lake": ("a quiet lake", "a lake between hills", "the shore of a lake", "a mountain lake"),
    "street": ("a city street", "a street between houses", "a town street", "an avenue in a city"),
    "harbour": ("a harbour with boats", "a small harbour", "sailing boats in a harbour", "a fishing harbour"),
}
LIGHT_WORDS = {
    "day": ("by day", "in daylight", "under a blue sky", "in bright sunshine"),
    "dusk": ("at dusk", "at sunset", "in warm evening light", "under an orange sky"),
    "night": ("at night", "by moonlight", "in the dark of night", "under a night sky"),
    "overcast": ("on an overcast day", "under grey clouds", "in grey light", "on a cloudy day"),
}
# For each cause, three strengths of two or three phrases, from faint to strong.
CAUSE_WORDS = {
    "explosion": (
        ("a small explosion in the distance", "a puff of fire and smoke"),
        ("an explosion with a fireball", "a fireball and dark smoke"),
        ("a huge explosion with a mushroom cloud", "a massive fireball and black smoke"),
    ),
    "fire crackling": (
        ("a small crackling fire", "a few low flames"),
        ("a crackling fire", "burning flames and smoke"),
        ("a roaring fire with tall flames", "a great blaze with embers"),
    ),
    "raining": (
        ("light rain", "a drizzle"),
        ("rain falling", "steady rain on wet ground"),
        ("pouring rain", "a heavy downpour with puddles"),
    ),
    "splashing water": (
        ("a small splash of water", "a little water splashing"),
        ("splashing water", "a splash throwing up spray"),
        ("a huge splash of white water", "a great splash bursting into spray"),
    ),
    "squishing water": (
        ("slightly muddy ground", "a little squishing mud"),
        ("squishing wet mud with puddles", "marshy ground with reeds"),
        ("deep squishing mud and a swamp", "a glistening bog full of puddles"),
    ),
    "thunder": (
        ("distant thunder", "dark clouds and a faint flash"),
        ("thunder and lightning", "a bolt of lightning"),
        ("a violent thunderstorm", "huge bolts of lightning in black clouds"),
    ),
    "underwater bubbling": (
        ("shallow water with a few bubbles", "a thin veil of blue water with bubbles"),
        ("bubbles rising underwater", "an underwater view with bubbles"),
        ("deep under blue water, full of bubbles", "columns of bubbles deep underwater"),
    ),
    "waterfall burbling": (
        ("a small burbling waterfall", "a thin waterfall over a rock"),
        ("a waterfall falling into a pool", "a burbling waterfall"),
        ("a mighty waterfall with mist", "a great white waterfall over a cliff"),
    ),
    "wind noise": (
        ("a light wind", "a breeze with a few leaves"),
        ("strong wind bending the grass", "wind blowing leaves"),
        ("a howling gale with flying leaves", "a storm wind bending the trees"),
    ),
    "sea waves": (
        ("small waves lapping at the shore", "ripples running up the shore"),
        ("sea waves breaking on the shore", "surf rolling in"),
        ("high breaking sea waves", "heavy surf with white foam and spray"),
    ),
    CALM: (("calm", "still air", "a quiet moment"), ("calm", "peaceful and still"), ("calm", "quiet and peaceful")),
}
FRAMES = (
    "{place} {light}, {cause}",
    "{cause}, {place} {light}",
    "a photo of {place} {light} with {cause}",
    "{cause} at {place} {light}",
    "{light}, {place}: {cause}",
    "a landscape with {cause}: {place} {light}",
)
PLACE_FRAMES = ("{place} {light}", "{place}", "a photo of {place} {light}", "{light}, {place}", "a landscape: {place} {light}")
CAUSE_FRAMES = ("{cause}", "a photo of {cause}", "a picture of {cause}", "a landscape with {cause}")
SHORT_FRAMES = ("{cause}", "{cause}, {place}", "{place}, {cause}", "a picture of {cause} {light}")


def caption(scene: Scene, seed: int) -> str:
    """A sentence for `scene`; `seed` chooses among the ways to say it. One in four leaves the place or the light out."""
    rng = np.random.default_rng((seed, 0xCAB))
    frames = SHORT_FRAMES if rng.random() < 0.25 else FRAMES
    return pick(rng, frames).format(
        place=pick(rng, PLACE_WORDS[scene.place]),
        light=pick(rng, LIGHT_WORDS[scene.light]),
        cause=pick(rng, CAUSE_WORDS[scene.cause][strength(scene.intensity)]),
    )


def place_caption(scene: Scene, seed: int) -> str:
    """A sentence for the place and its light alone: nothing is said of the cause."""
    rng = np.random.default_rng((seed, 0xCAB, 1))
    return pick(rng, PLACE_FRAMES).format(place=pick(rng, PLACE_WORDS[scene.place]), light=pick(rng, LIGHT_WORDS[scene.light]))


def cause_caption(scene: Scene, seed: int) -> str:
    """A sentence for the cause alone: nothing is said of the place."""
    rng = np.random.default_rng((seed, 0xCAB, 2))
    return pick(rng, CAUSE_FRAMES).format(cause=pick(rng, CAUSE_WORDS[scene.cause][strength(scene.intensity)]))


def strength(intensity: float) -> int:
    """Which of three strengths of words an intensity (0..1) has."""
    return min(2, int(max(intensity - 0.2, 0.0) / 0.8 * 3))


def mirrored(caption: str) -> str:
    """The caption of the mirrored picture: left and right exchanged."""
    return re.sub(r"\b(left|right)\b", lambda side: "right" if side[1] == "left" else "left", caption)


def pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    """One of `options`."""
    return options[rng.integers(len(options))]
