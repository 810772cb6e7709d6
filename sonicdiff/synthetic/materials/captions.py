"""Sentences that say what the drumstick does, and to what."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.captions import pick
from sonicdiff.synthetic.materials.pictures import thing
from sonicdiff.synthetic.materials.strike import Strike

ADVERBS = {"hit": ("softly", "", "hard"), "scrape": ("slowly", "", "fast")}
DOING = {"hit": ("hitting", "striking", "tapping"), "scrape": ("scraping", "rubbing", "scratching")}
DONE = {"hit": ("hit", "struck"), "scrape": ("scraped", "rubbed")}
DOING_WATER = {"hit": ("hitting", "splashing", "striking"), "scrape": ("stirring", "sweeping through")}
DONE_WATER = {"hit": ("hit", "struck"), "scrape": ("stirred", "swept")}
FRAMES = (
    "a drumstick {doing} {thing} {how}",
    "{thing} {done} {how} with a drumstick",
    "a close-up of a wooden stick {doing} {thing} {how}",
    "{material}: a stick {doing} {thing} {how}",
    "{thing}, {done} {how} with a stick",
)
BARE = (
    "a drumstick and what it touches, from close by",
    "a close-up photo with a drumstick",
    "a stick held over something in daylight",
    "something on which a drumstick is used",
)


def caption(strike: Strike, seed: int) -> str:
    """A sentence for `strike`; `seed` chooses among the ways to say it."""
    rng = np.random.default_rng((seed, 0x57C))
    doing, done = (DOING_WATER, DONE_WATER) if strike.material == "water" else (DOING, DONE)
    words = pick(rng, FRAMES).format(
        doing=pick(rng, doing[strike.action]),
        done=pick(rng, done[strike.action]),
        thing=thing(strike),
        material=strike.material,
        how=ADVERBS[strike.action][min(2, int(strike.intensity * 3))],
    )
    return " ".join(words.split())


def caption_without(strike: Strike, seed: int) -> str:
    """A sentence that leaves out all that can be heard: neither the material nor what is done to it."""
    return pick(np.random.default_rng((seed, strike.seed, 0x57C)), BARE)
