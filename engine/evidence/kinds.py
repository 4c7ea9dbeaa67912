"""What a file of evidence is, by its own bytes: photo, video or voice, of which media type, sound or broken off.

No sniffing library: those guess, and name hundreds of types. Here a few containers that browsers play are recognised,
their structure is walked to its end, and everything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.errors import Invalid

PHOTO, VIDEO, VOICE = "photo", "video", "voice"
MB = 1024 * 1024
LIMITS = {PHOTO: 20 * MB, VIDEO: 100 * MB, VOICE: 20 * MB}
"""Bytes of a file."""
LARGEST = max(LIMITS.values())
TAKEN = {
    PHOTO: "a JPEG, PNG or WebP image",
    VIDEO: "an MP4, QuickTime or WebM video",
    VOICE: "an MP3, M4A, AAC, WAV, Ogg or WebM recording",
}
EPOCH_1904 = datetime(1904, 1, 1, tzinfo=UTC)
MP3_KBPS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MP3_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class Recording:
    """A checked video or voice file. ``taken_at``: when the recorder says it began; none when it does not."""

    kind: str
    media_type: str
    taken_at: datetime | None = None


def kind_of(role: str) -> str:
    """The kind of file a role asks for: ``video``, ``voice``, and photos for all others."""
    return role if role in (VIDEO, VOICE) else PHOTO


def refusal(message: str) -> Invalid:
    """A complaint about the uploaded file."""
    return Invalid(message, field="file")


def check_size(content: bytes, kind: str) -> None:
    """Raise Invalid for a file larger than its kind may be."""
    if len(content) > LIMITS[kind]:
        most = LIMITS[kind] // MB
        raise refusal(f"the {kind} has {len(content) / MB:.1f} MB; send at most {most} MB")


def read_recording(content: bytes, kind: str) -> Recording:
    """Check a video or voice file. Raises Invalid when it is too large, something else, or broken off."""
    check_size(content, kind)
    found = _container(content)
    if found is None or found.kind != kind:
        raise refusal(f"this is no {kind} that can be played; send {TAKEN[kind]}")
    return found


def _container(content: bytes) -> Recording | None:
    if content[4:8] == b"ftyp":
        return _mp4(content)
    if content[:4] == b"\x1a\x45\xdf\xa3":
        return _webm(content)
    if content[:4] == b"OggS":
        head = content[:512]
        spoken = any(codec in head for codec in (b"OpusHead", b"\x01vorbis", b"Speex   "))
        return Recording(VOICE, "audio/ogg") if spoken and b"\x80theora" not in head else None
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        _whole(int.from_bytes(content[4:8], "little") + 8 <= len(content))
        return Recording(VOICE, "audio/wav")
    if content[:2] in (b"\xff\xf1", b"\xff\xf9"):
        length = (content[3] & 3) << 11 | content[4] << 3 | content[5] >> 5 if len(content) > 5 else 0
        return Recording(VOICE, "audio/aac") if length > 7 and content[length : length + 2] == content[:2] else None
    return _mp3(content)


def _whole(holds: bool) -> None:
    if not holds:
        raise refusal("the recording is broken off; send the file as the recorder wrote it")


def _boxes(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of what each box holds (ISO/IEC 14496-12). Refuses boxes that do not fit."""
    while start < end:
        _whole(start + 8 <= end)
        size, kind, head = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(content[start + 8 : start + 16], "big"), 16
        elif size == 0:
            size = end - start
        _whole(head <= size <= end - start)
        yield kind, start + head, start + size
        start += size


def _mp4(content: bytes) -> Recording:
    """MP4, M4A, 3GP and QuickTime; a voice is a file without a track of pictures."""
    top = {kind: (start, end) for kind, start, end in _boxes(content, 0, len(content))}
    _whole(b"moov" in top and b"mdat" in top)
    taken_at, handlers = None, set()
    for kind, start, end in _boxes(content, *top[b"moov"]):
        if kind == b"mvhd":
            taken_at = _mp4_moment(content[start:end])
        elif kind == b"trak":
            handlers |= _handlers(content, start, end)
    brand = content[8:12]
    if b"vide" in handlers:
        form = "quicktime" if brand == b"qt  " else "3gpp" if brand[:3] == b"3gp" else "mp4"
        return Recording(VIDEO, f"video/{form}", taken_at)
    if b"soun" in handlers:
        return Recording(VOICE, "audio/mp4", taken_at)
    raise refusal("the recording has neither pictures nor sound; send the file as the recorder wrote it")


def _handlers(content: bytes, start: int, end: int) -> set[bytes]:
    for kind, inner, inner_end in _boxes(content, start, end):
        if kind == b"mdia":
            return {content[at + 8 : at + 12] for name, at, _ in _boxes(content, inner, inner_end) if name == b"hdlr"}
    return set()


def _mp4_moment(header: bytes) -> datetime | None:
    """When a movie says it was made: seconds since 1904, UTC; recorders without a clock write 0 or 1970."""
    long = header[:1] == b"\x01"
    seconds = int.from_bytes(header[4:12] if long else header[4:8], "big")
    try:
        moment = EPOCH_1904 + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return moment if moment.year > 1990 else None


def _webm(content: bytes) -> Recording | None:
    head = content[: 64 * 1024]
    if b"webm" not in head[:64]:
        return None
    _whole(b"\x16\x54\xae\x6b" in head)  # the element Tracks
    if any(codec in head for codec in (b"V_VP8", b"V_VP9", b"V_AV1")):
        return Recording(VIDEO, "video/webm")
    return Recording(VOICE, "audio/webm") if b"A_OPUS" in head or b"A_VORBIS" in head else None


def _mp3(content: bytes) -> Recording | None:
    """MPEG audio, layer III: two frames that follow each other, after a tag perhaps."""
    start = 0
    if content[:3] == b"ID3" and len(content) > 10:
        size = 0
        for byte in content[6:10]:
            size = size << 7 | byte & 0x7F
        start = 10 + size
    length = _mp3_frame(content[start : start + 4])
    if not length or not _mp3_frame(content[start + length : start + length + 4]):
        return None
    return Recording(VOICE, "audio/mpeg")


def _mp3_frame(head: bytes) -> int:
    """Bytes of the frame that begins so; 0 when it is no frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] >> 1 & 3 != 1:
        return 0
    version, rate, hertz, padding = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or rate in (0, 15) or hertz == 3:
        return 0
    kbps = MP3_KBPS[3 if version == 3 else 2][rate]
    return (144 if version == 3 else 72) * kbps * 1000 // MP3_HZ[version][hertz] + padding
