"""Which words of a prompt a model of music knows, and the nearest that it knows of those it does not."""

from __future__ import annotations

import re
from difflib import get_close_matches

from transformers import PreTrainedTokenizerBase

from sonicdiff.pipelines.common import prompt_encoder

OPEN_VOCABULARY = 10_000  # tokens; with more, as CLIP's, the text encoder has read of everything
END = "</w>"  # of a token that ends a word
WORD = re.compile(r"[^\W\d_]+")
PLAIN = (
    "a an and are as at be bpm beat beats by for from in into is it its like me minute more music no not of on or per piece play played "
    "please some song tempo that the then this to track tune very with without"
)
COMMON = frozenset(PLAIN.split())
GENRES = ("ambient", "blues", "bossa nova", "classical", "folk", "funk", "house", "jazz", "lo-fi", "reggae", "rock")
NEAREST = {
    "house": "club dance disco drumnbass dubstep edm electro electronica garage jungle techno trance trap",
    "rock": "grunge indie metal pop punk",
    "lo-fi": "chillhop hiphop rap trip",
    "ambient": "atmospheric chill chillout drone meditation newage relaxing",
    "classical": "baroque choral opera orchestra orchestral romantic symphony waltz",
    "folk": "bluegrass celtic irish singer",
    "jazz": "bebop bigband dixieland ragtime",
    "funk": "gospel motown rnb soul",
    "reggae": "dancehall dub ska",
    "bossa nova": "bossanova brazilian latino mambo rumba salsa tango",
    "accordion": "bagpipe bagpipes bandoneon harmonica",
    "acoustic guitar": "banjo bouzouki harp koto lute mandolin sitar ukulele",
    "cello": "bass contrabass doublebass viola",
    "violin": "erhu orchestra strings violins",
    "piano": "celesta clavichord harpsichord keyboard pianos",
    "flute": "oboe panpipes piccolo recorder whistle",
    "clarinet": "bassoon",
    "trombone": "horn horns tuba",
    "trumpet": "brass bugle cornet",
    "marimba": "glockenspiel steelpan xylophone",
    "vibraphone": "bells chimes",
    "synth": "arpeggiator moog theremin",
    "drums": "bongo bongos conga congas drum drummer drumming tabla",
    "happy": "joyful",
    "sad": "gloomy sorrowful",
    "calm": "peaceful quiet serene",
    "energetic": "aggressive angry intense powerful",
}  # by what is played alike, where spelling says nothing
RELATED = {word: known for known, words in NEAREST.items() for word in words.split()}


class PromptWarning(UserWarning):
    """Something in a prompt that the model does not know; what is made is made all the same."""


def sentence(tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    """What a model does not know of a prompt, with the nearest that it knows; "" where it knows all, or has an open vocabulary."""
    vocabulary = tokenizer.get_vocab()
    if len(vocabulary) > OPEN_VOCABULARY:
        return ""
    known = {token.removesuffix(END) for token in vocabulary if token.endswith(END)}
    words = list(dict.fromkeys(WORD.findall("".join(part.text for part in prompt_encoder.parse(prompt)).lower())))
    if not words:
        got = "an empty prompt" if not prompt.strip() else f"a prompt without words ({prompt.strip()[:40]})"
        return f"got {got}; expected what to play, for instance jazz piano: the model plays what it likes"
    unknown = [word for word in words if word not in known | COMMON and len(word) > 1]
    if not unknown:
        return ""
    named = [f"{word} (nearest: {hint})" if (hint := nearest(word, known)) else word for word in unknown]
    return f"the model does not know {', '.join(named)}; what it does not know changes little"


def nearest(word: str, known: set[str]) -> str:
    """The nearest word or words of `known`: what is played alike, else what is spelt alike; "" where nothing is near."""
    related = RELATED.get(word, "")
    if related and set(WORD.findall(related)) <= known:
        return related
    return next(iter(get_close_matches(word, [other for other in known if len(other) > 3], 1, 0.75)), "")
