"""Photos of a case over HTTP: checked, kept as they came, and shown to the public without what the camera noted."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

from api_people import Api, dispatched, report
from PIL import Image
from werkzeug.test import TestResponse

MAKER = "Kamerawerk 3000"


def picture(kind: str = "JPEG", size: tuple[int, int] = (400, 300), *, notes: bool = False) -> bytes:
    """A picture; with ``notes`` it says where (28.0005 N, 116.0005 E), when and by which camera, lying on its side."""
    image = Image.new("RGB", size, "grey")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    out = io.BytesIO()
    if notes:
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = MAKER, 6
        exif.get_ifd(0x8769).update({0x9003: "2026:03:02 09:30:00"})
        exif.get_ifd(0x8825).update({1: "N", 2: (28.0, 0.0, 1.8), 3: "E", 4: (116.0, 0.0, 1.8)})
        image.save(out, kind, exif=exif, comment=b"secret comment")
    else:
        image.save(out, kind)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be enormous."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def send(api: Api, number: str, content: bytes, *, login: str = "acceptor", key: str = "", **form: str) -> TestResponse:
    data = {"role": "before_photo", **form, "file": (io.BytesIO(content), form.pop("name", "photo.jpg"))}
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(login, f"/cases/{number}/evidence", data=data, headers=headers)


def test_a_photo_is_kept_as_it_came_with_what_the_camera_noted(api: Api) -> None:
    number, content = report(api), picture(notes=True)
    answer = send(api, number, content)
    assert answer.status_code == 201, answer.text
    photo = answer.json
    assert photo["sha256"] == hashlib.sha256(content).hexdigest()
    assert (photo["width_px"], photo["height_px"], photo["size"]) == (400, 300, len(content))
    assert (photo["lon"], photo["lat"]) == (116.0005, 28.0005)
    assert photo["taken_at"].startswith("2026-03-02T01:30:00")
    original = api.client.get(answer.headers["Location"], headers=api.login("acceptor"))
    assert original.data == content
    assert original.headers["X-Content-Type-Options"] == "nosniff"
    listed = api.get("acceptor", f"/cases/{number}/evidence").json["evidence"]
    assert [item["id"] for item in listed] == [photo["id"]]
    events = api.get("acceptor", f"/cases/{number}/history").json["events"]
    assert events[-1]["kind"] == "evidence_added"


def test_the_public_copy_is_upright_small_and_knows_nothing(api: Api) -> None:
    number = report(api)
    photo = send(api, number, picture(size=(2400, 1200), notes=True)).json
    answer = api.get("acceptor", f"/cases/{number}/evidence/{photo['id']}?copy=public")
    assert answer.content_type == "image/jpeg"
    with Image.open(io.BytesIO(answer.data)) as copy:
        assert copy.size == (960, 1920)
        assert not copy.getexif()
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(copy.info)
        # Turned by 90 degrees: the red quarter of the sensor's upper left is the upper right now.
        red, grey = copy.getpixel((900, 100)), copy.getpixel((100, 100))
    assert red[0] > 200 > grey[0]
    assert MAKER.encode() not in answer.data
    assert b"secret" not in answer.data


def test_other_photo_formats_are_taken_too(api: Api) -> None:
    number = report(api)
    for kind in ("PNG", "WEBP"):
        answer = send(api, number, picture(kind))
        assert (answer.status_code, answer.json["media_type"]) == (201, f"image/{kind.lower()}")


def test_what_is_no_sound_photo_is_refused(api: Api) -> None:
    number = report(api)
    truncated = picture()[:-200]
    gif = io.BytesIO()
    Image.new("RGB", (9, 9)).save(gif, "GIF")
    for content, words in (
        (b"hello, I am a text", "no JPEG, PNG or WebP"),
        (b"", "no JPEG, PNG or WebP"),
        (gif.getvalue(), "no JPEG, PNG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG, PNG or WebP"),
        (truncated, "damaged"),
        (picture("PNG")[:100], "damaged"),
        (bomb(30_000, 30_000), "megapixels"),
        (bomb(9_000, 9_000), "pixels"),
        (bomb(100, 100), "damaged"),
    ):
        answer = send(api, number, content)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "file"), words
        error = answer.json["errors"][0]
        assert words in error["message"] + error["remedy"]
        assert error["remedy"]
    assert api.get("acceptor", f"/cases/{number}/evidence").json["evidence"] == []


def test_uploads_without_file_or_with_another_role_are_refused_by_field(api: Api) -> None:
    number = report(api)
    assert send(api, number, picture(), role="selfie").json["errors"][0]["field"] == "role"
    missing = api.post(
        "acceptor", f"/cases/{number}/evidence", data={"role": "before_photo"}, content_type="multipart/form-data"
    )
    assert (missing.status_code, missing.json["errors"][0]["field"]) == (422, "file")


def test_more_than_twenty_megabytes_are_refused(api: Api) -> None:
    number = report(api)
    for size in (20 * 1024 * 1024 + 1, 22 * 1024 * 1024):
        answer = send(api, number, picture() + b"\0" * size)
        assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_the_same_key_adds_a_photo_once(api: Api) -> None:
    number, content = report(api), picture()
    first, second = (send(api, number, content, key="upload-1").json for _ in range(2))
    assert first["id"] == second["id"]
    assert len(api.get("acceptor", f"/cases/{number}/evidence").json["evidence"]) == 1
    assert send(api, number, picture("PNG"), key="upload-1").status_code == 409


def test_photos_are_seen_and_added_only_by_those_who_see_the_case(api: Api) -> None:
    number = dispatched(api)
    photo = send(api, number, picture()).json["id"]
    assert api.get("unit_clerk_municipal", f"/cases/{number}/evidence/{photo}").status_code == 200
    assert api.get("unit_clerk_sanitation", f"/cases/{number}/evidence/{photo}").status_code == 404
    assert api.get("unit_clerk_sanitation", f"/cases/{number}/evidence/{photo}?copy=public").status_code == 404
    assert send(api, number, picture(), login="unit_clerk_sanitation").status_code == 404
    assert send(api, number, picture(), login="leader").status_code == 403
    ours = send(api, number, picture(), login="unit_handler_municipal", role="after_photo")
    assert ours.json["department_code"] == "MUNICIPAL"
    other = report(api)
    assert api.get("acceptor", f"/cases/{other}/evidence/{photo}").status_code == 404


def test_a_voided_case_takes_no_more_photos(api: Api) -> None:
    number = report(api)
    api.post("shift_leader", f"/cases/{number}/actions/cancel", json={"reason": "误报"})
    assert send(api, number, picture()).status_code == 409
