"""What a file is, told from its first bytes: the sounds and videos FFmpeg may open, and the things that are no sound at all."""

from __future__ import annotations

# FFmpeg is given one of these demuxers and never guesses: guessing would let a playlist name other files and addresses.
_DEMUXERS: tuple[tuple[int, bytes, str, str], ...] = (
    (4, b"ftyp", "mov", "an MP4, M4A or MOV file"),
    (4, b"moov", "mov", "a MOV file"),
    (4, b"mdat", "mov", "a MOV file"),
    (4, b"wide", "mov", "a MOV file"),
    (0, b"\x1aE\xdf\xa3", "matroska", "a WebM or Matroska file"),
    (8, b"AVI ", "avi", "an AVI file"),
    (0, b"FLV\x01", "flv", "an FLV file"),
    (0, b"OggS", "ogg", "an Ogg file"),
    (0, b"#!AMR", "amr", "an AMR file"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "a WMA or WMV file"),
    (0, b"\x00\x00\x01\xba", "mpeg", "an MPEG file"),
    (0, b"\x47\x40", "mpegts", "an MPEG transport stream"),
    (0, b"wvpk", "wv", "a WavPack file"),
    (0, b"MAC ", "ape", "a Monkey's Audio file"),
    (0, b"fLaC", "flac", "a FLAC file"),
    (8, b"WAVE", "wav", "a WAV file"),
    (0, b"FORM", "aiff", "an AIFF file"),
    (0, b"caff", "caf", "a CAF file"),
    (0, b".snd", "au", "an AU file"),
    (0, b"\xff\xf1", "aac", "an AAC file"),
    (0, b"\xff\xf9", "aac", "an AAC file"),
    (0, b"ID3", "mp3", "an MP3 file"),
    (0, b"\xff\xfb", "mp3", "an MP3 file"),
    (0, b"\xff\xf3", "mp3", "an MP3 file"),
    (0, b"\xff\xfa", "mp3", "an MP3 file"),
)

_NO_SOUND: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"BM", "a BMP image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (8, b"heic", "a HEIC image"),
    (8, b"avif", "an AVIF image"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"MThd", "a MIDI file: notes, without sound"),
    (0, b"#EXTM3U", "a playlist"),
    (0, b"\x93NUMPY", "a NumPy array; load it with numpy and pass (array, sample rate)"),
)


def demuxer(head: bytes) -> tuple[str, str] | None:
    """FFmpeg's demuxer for a file that starts with `head`, and what the file is in words; None if it is none of those known."""
    return next(((name, words) for offset, magic, name, words in _DEMUXERS if head[offset : offset + len(magic)] == magic), None)


def no_sound(head: bytes) -> str | None:
    """What a file is, in words, if it starts like something that holds no sound; otherwise None."""
    known = next((words for offset, magic, words in _NO_SOUND if head[offset : offset + len(magic)] == magic), None)
    if known is not None or not head:
        return known
    return "text" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        text = head[:1024].decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two at the end of what was read is no sign against text.
        if error.start < min(len(head), 1024) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    if text.startswith(("RIFF", "#!AMR", "FORM", "OggS", "fLaC")):
        return False
    return bool(text) and all(c.isprintable() or c in "\r\n\t\f" for c in text)
