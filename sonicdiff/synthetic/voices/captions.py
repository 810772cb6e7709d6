"""Sentences that say who is seen and how they feel."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.captions import pick
from sonicdiff.synthetic.voices.emotions import Speaking
from sonicdiff.synthetic.voices.person import Person, person_of

FEELING_WORDS = {
    "neutral": (("neutral", "with a neutral expression", "with a blank face"),) * 2,
    "calm": (("calm", "looking calm", "with a relaxed face"), ("very calm", "looking serene", "with closed eyes and a gentle smile")),
    "happy": (("happy", "looking happy", "smiling"), ("very happy", "laughing with joy", "with a broad smile")),
    "sad": (("sad", "looking sad", "with a sad frown"), ("very sad", "crying", "in tears of grief")),
    "angry": (("angry", "looking angry", "with an angry frown"), ("furious", "red with rage", "baring teeth in anger")),
    "fearful": (("fearful", "looking afraid", "with a frightened face"), ("terrified", "pale with fear", "with wide eyes full of fear")),
    "disgust": (
        ("disgusted", "looking disgusted", "with a wrinkled nose"),
        ("very disgusted", "wincing in disgust", "with a nose wrinkled in disgust"),
    ),
    "surprised": (
        ("surprised", "looking surprised", "with raised brows"),
        ("astonished", "with an open mouth in surprise", "gaping in surprise"),
    ),
}
HAIR_WORDS = {
    "short": "short {} hair",
    "bald": "a bald head",
    "parted": "parted {} hair",
    "curly": "curly {} hair",
    "long": "long {} hair",
    "fringe": "long {} hair and a fringe",
    "bun": "{} hair in a bun",
}
FRAMES = (
    "a portrait of {who}, {feeling}",
    "a painted face of {who}, {feeling}",
    "{who}, {feeling}",
    "{who}, {feeling}, head and shoulders",
)
BARE = ("a portrait of a person with {hair}", "a painted face with {hair}", "a person with {hair}, head and shoulders")


def caption(speaking: Speaking, seed: int) -> str:
    """A sentence for `speaking`; `seed` chooses among the ways to say it. Half of them name the hair."""
    rng = np.random.default_rng((seed, 0xFACE))
    person = person_of(speaking.seed)
    who = "a man" if person.man else "a woman"
    if rng.random() < 0.5:
        who = f"{who} with {_hair(person)}"
    feeling = pick(rng, FEELING_WORDS[speaking.emotion][int(speaking.intensity > 0.8)])
    return pick(rng, FRAMES).format(who=who, feeling=feeling)


def caption_without(speaking: Speaking, seed: int) -> str:
    """A sentence that leaves out all that can be heard: neither the feeling nor whose voice it is."""
    rng = np.random.default_rng((seed, 0xFACE))
    return pick(rng, BARE).format(hair=_hair(person_of(speaking.seed)))


def _hair(person: Person) -> str:
    return HAIR_WORDS[person.style].format(person.shade) + (" and a beard" if person.beard else "")
