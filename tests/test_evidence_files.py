"""What files of evidence are taken, refused, or taken without what is broken in them; what speaks against a claim."""

from __future__ import annotations

import io
import random
import struct
import wave
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from api_people import Api, dispatched, report
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from engine.cases.evidence import name_rightly
from engine.cases.evidence_rules import rule_faults
from engine.errors import Invalid
from engine.evidence.kinds import LIMITS, MB, read_recording
from engine.evidence.likeness import MOST_BITS, bands_of, differing_bits, find_alike, hash_photo, signed, unsigned
from engine.evidence.photos import read_photo
from engine.models import PhotoBand
from engine.simulation.photos import FILM, draw, hum
from engine.testing.small_city import MONDAY

ZONE = MONDAY.tzinfo or UTC
BOXES = {"ftyp": b"isom\0\0\0\0isommp41", "free": b"", "mdat": b"\0" * 64}


def box(kind: str, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind.encode() + content


def film(*handlers: str, at: datetime | None = None, brand: bytes = b"isom", **changed: bytes) -> bytes:
    """An MP4 with one empty track a handler."""
    seconds = int((at - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds()) if at else 0
    header = box("mvhd", struct.pack(">IIIII", 0, seconds, seconds, 1000, 1000) + b"\0" * 80)
    tracks = [box("trak", box("mdia", box("hdlr", b"\0" * 8 + each.encode() + b"\0" * 13))) for each in handlers]
    parts = {"ftyp": brand + BOXES["ftyp"][4:], "moov": header + b"".join(tracks), "mdat": BOXES["mdat"], **changed}
    return b"".join(box(kind, content) for kind, content in parts.items() if content is not None)


def mp3(frames: int = 3) -> bytes:
    """Frames of silence: MPEG 1 layer III, 128 kbit/s, 44.1 kHz, 417 bytes each."""
    return (b"\xff\xfb\x90\x00" + b"\0" * 413) * frames


def noted(
    content: bytes, *, at: datetime | None = None, lon: float | None = None, lat: float = 28.0005, **raw: object
) -> bytes:
    """The picture with what a camera would note."""
    exif = Image.Exif()
    if at is not None:
        exif.get_ifd(0x8769).update({0x9003: at.strftime("%Y:%m:%d %H:%M:%S"), 0x9011: "+00:00"})
    if lon is not None:
        exif.get_ifd(0x8825).update({1: "N", 2: (lat, 0.0, 0.0), 3: "E", 4: (lon, 0.0, 0.0)})
    for key, value in raw.items():
        exif.get_ifd(0x8769 if key == "text" else 0x8825).update({0x9003: value} if key == "text" else value)  # type: ignore[call-overload]
    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(out, "JPEG", exif=exif, quality=85)
    return out.getvalue()


def send(
    api: Api, number: str, content: bytes, role: str = "before_photo", *, name: str = "a.jpg", login: str = "acceptor"
) -> TestResponse:
    return api.post(login, f"/cases/{number}/evidence", data={"role": role, "file": (io.BytesIO(content), name)})


def codes(answer: TestResponse, what: str = "findings") -> list[str]:
    assert answer.status_code == 201, answer.text
    return [each["code"] for each in answer.json[what]]


def test_every_role_takes_its_own_kind_of_file(api: Api) -> None:
    number = report(api)
    for role in ("near_photo", "far_photo", "reference_photo", "before_photo", "after_photo", "video", "voice"):
        suffix = {"video": "webm", "voice": "wav"}.get(role, "jpg")
        answer = send(api, number, draw(role, 1), role, name=f"x.{suffix}")
        assert (answer.status_code, answer.json["role"]) == (201, role), answer.text
        assert answer.json["kind"] == (role if role in ("video", "voice") else "photo")
    for role, content in (("video", draw("voice", 1)), ("voice", FILM.read_bytes()), ("near_photo", FILM.read_bytes())):
        answer = send(api, number, content, role)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "file")
    assert len(api.get("acceptor", f"/cases/{number}/evidence").json["evidence"]) == 7


def test_a_video_is_read_in_parts_and_has_no_public_copy(api: Api) -> None:
    number, content = report(api), FILM.read_bytes()
    answer = send(api, number, content, "video", name="film.webm")
    where = answer.headers["Location"]
    part = api.client.get(where, headers={**api.login("acceptor"), "Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    whole = api.client.get(where, headers=api.login("acceptor"))
    assert (whole.data, whole.content_type, whole.headers["X-Content-Type-Options"]) == (
        content,
        "video/webm",
        "nosniff",
    )
    beyond = api.client.get(where, headers={**api.login("acceptor"), "Range": "bytes=999999-"})
    assert beyond.status_code == 416
    assert api.client.get(f"{where}?copy=public", headers=api.login("acceptor")).status_code == 404


def test_a_video_may_be_larger_than_anything_else_that_is_sent(api: Api) -> None:
    number = report(api)
    large = film("vide", mdat=b"\0" * (30 * MB))
    assert send(api, number, large, "video", name="a.mp4").status_code == 201
    assert send(api, number, film("vide", mdat=b"\0" * (100 * MB)), "video").status_code == 413
    assert api.post("acceptor", "/cases", json={"description": "x" * 22 * MB}).status_code == 413


def recording() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 800)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "media_type"),
    [
        (film("vide", "soun"), "video", "video/mp4"), (film("vide", brand=b"qt  "), "video", "video/quicktime"),
        (film("vide", brand=b"3gp5"), "video", "video/3gpp"), (film("soun", brand=b"M4A "), "voice", "audio/mp4"),
        (FILM.read_bytes(), "video", "video/webm"), (mp3(), "voice", "audio/mpeg"),
        (b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + mp3(), "voice", "audio/mpeg"), (recording(), "voice", "audio/wav"),
        (b"OggS\0\2" + b"\0" * 22 + b"OpusHead" + b"\0" * 99, "voice", "audio/ogg"),
    ],
)  # fmt: skip
def test_recordings_are_known_by_their_bytes(content: bytes, kind: str, media_type: str) -> None:
    assert read_recording(content, kind).media_type == media_type


def test_a_film_says_when_it_was_made() -> None:
    assert read_recording(film("vide", at=MONDAY), "video").taken_at == MONDAY
    assert read_recording(film("vide"), "video").taken_at is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (film("vide")[:-1], "broken off"), (film("vide") + b"PK\x03\x04tail", "broken off"),
        (film("vide", moov=b""), "neither pictures nor sound"), (film("soun"), "no video"),
        (b"\0\0\0\x08ftyp", "broken off"), (b"\0\0\0\x04ftyp" + b"\0" * 64, "broken off"),
        (recording()[:-9], "broken off"), (mp3(1), "no video"), (b"", "no video"),
        (b"#!AMR\n" + b"\0" * 99, "no video"),
        (b"\x1a\x45\xdf\xa3" + b"matroska" * 9, "no video"), (b"MZ" + b"\0" * 999, "no video"),
        (b"\0" * (LIMITS["video"] + 1), "send at most 100 MB"),
    ],
)  # fmt: skip
def test_what_is_no_sound_recording_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_recording(content, "video")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_recordings_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([film("vide", "soun", at=MONDAY), FILM.read_bytes(), mp3(), hum(1)]))
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 6))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for kind in ("video", "voice"):
        try:
            read_recording(bytes(content), kind)
        except Invalid as error:
            assert error.field == "file"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_photos_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = noted(draw("before_photo", 1), at=MONDAY, lon=116.0)
    content = bytearray(whole[: data.draw(st.sampled_from([len(whole), len(whole) - 9, len(whole) // 2]))])
    for _ in range(data.draw(st.integers(1, 8))):
        # Mostly in what the camera noted, where parsers trip.
        content[data.draw(st.integers(0, min(400, len(content) - 1)))] = data.draw(st.integers(0, 255))
    try:
        read_photo(bytes(content), ZONE)  # type: ignore[arg-type]
    except Invalid as error:
        assert error.field == "file"


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    return out.getvalue()


def test_a_file_that_is_an_image_and_something_else_is_refused(api: Api) -> None:
    number = report(api)
    for kind in ("JPEG", "PNG", "WEBP"):
        out = io.BytesIO()
        with Image.open(io.BytesIO(draw("before_photo", 1))) as image:
            image.save(out, kind)
        for tail, words in (
            (zipped(), "ZIP"), (b"%PDF-1.7 ...", "PDF"), (b"\n<HTML><script>", "scripts"), (b"MZ\x90\0", "program"),
        ):  # fmt: skip
            answer = send(api, number, out.getvalue() + tail)
            assert (answer.status_code, words in answer.text) == (422, True), (kind, words, answer.text)


def test_bytes_behind_an_image_are_noted_and_not_in_the_public_copy(api: Api) -> None:
    number, content = report(api), draw("before_photo", 1) + b"a film the phone took along"
    answer = send(api, number, content)
    assert codes(answer, "notes") == ["bytes_behind"]
    where = answer.headers["Location"]
    assert api.client.get(where, headers=api.login("acceptor")).data == content
    assert b"film" not in api.client.get(f"{where}?copy=public", headers=api.login("acceptor")).data


def test_photos_of_phones_that_write_several_pictures_into_one_are_taken(api: Api) -> None:
    out = io.BytesIO()
    first, second = (Image.open(io.BytesIO(draw("before_photo", variant))) for variant in (1, 2))
    first.save(out, "MPO", save_all=True, append_images=[second])
    answer = send(api, report(api), out.getvalue())
    assert (answer.status_code, answer.json["media_type"]) == (201, "image/jpeg")


def test_what_the_camera_notes_wrongly_is_left_out_with_a_reason(api: Api) -> None:
    number, plain = report(api), draw("before_photo", 1)
    # 0/0, which is how a rational says NaN.
    sound = noted(plain, lon=116.0)
    nan = sound.replace(struct.pack(">II", 116, 1), bytes(8))
    assert nan != sound
    far = {1: "N", 2: (128.0, 0.0, 0.0), 3: "E", 4: (116.0, 0.0, 0.0)}
    for changed, note in (
        (nan, "position_unreadable"), (noted(plain, gps=far), "position_unreadable"),
        (noted(plain, text="2026:13:45 99:00:00"), "time_unreadable"),
        (noted(plain, text="gestern"), "time_unreadable"),
        (noted(plain, at=MONDAY).replace(b"MM\0*", b"MM\x99*"), "exif_unreadable"),
    ):  # fmt: skip
        answer = send(api, number, changed)
        assert codes(answer, "notes") == [note]
        photo = answer.json
        assert note == "position_unreadable" or photo["taken_at"] is None
        assert (photo["lon"], photo["lat"], photo["distance_m"]) == (None, None, None)
        assert photo["notes"][0]["text"]
        assert photo["notes"][0]["text_en"]


def test_a_wrong_suffix_is_corrected(api: Api) -> None:
    answer = send(api, report(api), draw("before_photo", 1), name="invoice.exe")
    assert (codes(answer, "notes"), answer.json["file_name"]) == (["suffix_corrected"], "invoice.jpg")
    assert name_rightly("photo", "image/jpeg") == ("photo.jpg", False)
    assert name_rightly("a.JPEG", "image/jpeg") == ("a.JPEG", False)
    assert name_rightly("2026.03.02 at noon", "image/png")[0] == "2026.03.02 at noon.png"


def test_place_and_time_of_the_camera_are_compared_with_the_claim(api: Api) -> None:
    number, now = report(api), MONDAY
    near = send(api, number, noted(draw("before_photo", 1), at=now - timedelta(minutes=10), lon=116.0006))
    assert codes(near) == []
    assert near.json["distance_m"] == pytest.approx(9.8, abs=0.3)
    assert near.json["age_min"] == 10
    far = send(api, number, noted(draw("before_photo", 2), at=now - timedelta(days=3), lon=116.0105))
    assert codes(far) == ["far_away", "too_old"]
    assert far.json["findings"][0]["value"] == pytest.approx(983, abs=3)
    assert "983 米" in far.json["findings"][0]["text"]
    assert "3.0 days" in far.json["findings"][1]["text_en"]
    assert codes(send(api, number, noted(draw("before_photo", 3), at=now + timedelta(hours=1)))) == ["from_the_future"]
    early = noted(draw("after_photo", 4), at=now - timedelta(hours=2))
    assert codes(send(api, number, early, "after_photo")) == ["before_the_report"]
    assert codes(send(api, number, draw("before_photo", 5))) == []


def altered(content: bytes) -> bytes:
    """The photo smaller, brighter and compressed anew."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        ImageEnhance.Brightness(image.resize((160, 120))).enhance(1.15).save(out, "JPEG", quality=40)
    return out.getvalue()


def test_a_photo_of_another_case_is_found_even_when_it_was_altered(api: Api) -> None:
    first, second, photo = report(api), report(api), draw("before_photo", 7)
    original = send(api, first, photo)
    assert codes(original) == []
    again = send(api, second, altered(photo)).json["findings"]
    assert [(each["code"], each["case"], each["evidence"]) for each in again] == [
        ("used_before", first, original.json["id"])
    ]
    exact = send(api, second, photo).json["findings"]
    assert [(each["code"], each["case"], each["value"]) for each in exact] == [("used_before", first, 0)]
    assert "同一文件" in exact[0]["text"]
    # The first case tells it too, from now on.
    told = api.get("acceptor", f"/cases/{first}").json["evidence"][0]["findings"]
    assert {(each["code"], each["case"]) for each in told} == {("used_before", second)}
    assert codes(send(api, second, draw("before_photo", 8))) == []


def test_the_same_file_before_and_after_is_found(api: Api) -> None:
    number, photo = report(api), draw("before_photo", 9)
    send(api, number, photo)
    assert codes(send(api, number, photo, "after_photo")) == ["same_file"]


def test_whoever_may_not_see_the_other_case_does_not_learn_its_number(api: Api) -> None:
    theirs, ours, photo = dispatched(api, "SANITATION"), dispatched(api), draw("after_photo", 10)
    send(api, theirs, photo)
    found = send(api, ours, photo, "after_photo", login="unit_handler_municipal").json["findings"]
    assert [(each["code"], each["case"], each["evidence"]) for each in found] == [("used_before", None, None)]
    assert theirs not in str(found)


def test_the_index_finds_exactly_what_a_look_at_every_photo_finds() -> None:
    dice = random.Random(20261121)
    engine = create_engine("sqlite://")
    PhotoBand.metadata.create_all(engine, [PhotoBand.__table__])  # type: ignore[list-item]
    centre = dice.getrandbits(64)
    hashes = [dice.getrandbits(64) for _ in range(2000)]
    for bits in range(12):
        for _ in range(30):
            hashes.append(centre ^ sum(1 << at for at in dice.sample(range(64), bits)))
    with Session(engine) as session:
        rows = [
            {"key": key, "evidence_id": at, "bits": signed(each)}
            for at, each in enumerate(hashes) for key in bands_of(each)
        ]  # fmt: skip
        session.execute(insert(PhotoBand), rows)
        for most in range(MOST_BITS + 1):
            expected = sorted((differing_bits(centre, each), at) for at, each in enumerate(hashes))
            assert find_alike(session, centre, most) == [pair for pair in expected if pair[0] <= most]
        with pytest.raises(ValueError, match="up to 7"):
            find_alike(session, centre, 8)
    assert all(unsigned(signed(each)) == each for each in hashes)


def test_a_picture_without_contrast_looks_like_no_other() -> None:
    assert hash_photo(Image.new("RGB", (100, 100), "grey")) is None
    assert hash_photo(Image.linear_gradient("L")) is not None


@pytest.mark.parametrize(
    ("given_rules", "words"),
    [({"distance": 5}, "does not know distance"), ({"bits": 8}, "from 0 to 7"), ({"bits": 2.5}, "whole number"),
     ({"distance_m": "far"}, "write a number"), ({"age_min": float("nan")}, "age_min is nan"),
     ({"bits": True}, "whole")],
)  # fmt: skip
def test_rules_that_cannot_be_read_are_told(given_rules: dict[str, object], words: str) -> None:
    assert words in rule_faults(given_rules)[0]
    assert rule_faults({"distance_m": 50, "age_min": 60.5, "bits": 0}) == []


def test_a_case_that_is_over_still_shows_its_files(api: Api) -> None:
    number = report(api)
    photo = send(api, number, draw("before_photo", 11)).json["id"]
    api.post("shift_leader", f"/cases/{number}/actions/cancel", json={"reason": "误报"})
    small = api.get("acceptor", f"/cases/{number}/evidence/{photo}?copy=thumbnail")
    assert (small.status_code, small.content_type) == (200, "image/jpeg")
    assert send(api, number, draw("before_photo", 12)).status_code == 409
