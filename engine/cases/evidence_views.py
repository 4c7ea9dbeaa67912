"""Evidence as people read it, and what speaks against the claim: place, time, and photos that were used before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.access import visible
from engine.cases.evidence_rules import EvidenceRules, evidence_rules
from engine.cases.merging import cases_seen_with
from engine.cases.view_values import EvidenceView, Remark
from engine.evidence.kinds import PHOTO, kind_of
from engine.evidence.likeness import find_alike, unsigned
from engine.ground.features import distance_m
from engine.models import Case, Evidence, Person
from engine.organisation.actor import Actor
from engine.platform import Platform

MOST_ALIKE = 3
"""Other cases named for one photo."""
CLOCK_MIN = 5
"""Minutes by which a camera's clock may be ahead."""
NOTES = {
    "exif_unreadable": ("相机信息已损坏，未采用", "The camera's notes are damaged and were left out"),
    "time_unreadable": ("拍摄时间无法识别，未采用", "The camera's time cannot be read and was left out"),
    "position_unreadable": ("拍摄位置无法识别，未采用", "The camera's position cannot be read and was left out"),
    "bytes_behind": ("图像末尾另有数据，公开图片中不含", "There are bytes behind the image; the public copy has none"),
    "suffix_corrected": ("文件扩展名与内容不符，已更正", "The file's suffix did not fit its content and was corrected"),
}


def views_of(
    session: Session, platform: Platform, actor: Actor, case: Case, *, only: int | None = None
) -> list[EvidenceView]:
    """The evidence of a case, oldest first, as the actor may see it; ``only`` one of it."""
    query = (
        select(Evidence, Person.name)
        .outerjoin(Person, Person.id == Evidence.uploader_id)
        .where(Evidence.case_id == case.id)
        .order_by(Evidence.id)
    )
    rows = session.execute(query if only is None else query.where(Evidence.id == only)).all()
    rules = evidence_rules(platform.city)
    return [
        view(row, uploader, case, rules, photo_findings(session, platform, actor, case, row, rules))
        for row, uploader in rows
    ]


def joined_views(session: Session, platform: Platform, actor: Actor, case: Case) -> list[EvidenceView]:
    """The evidence of the cases merged with this one or split from it: who sees the one sees that of the other."""
    numbers = cases_seen_with(session, case)
    others = session.scalars(select(Case).where(Case.id.in_(numbers)).order_by(Case.id)) if numbers else ()
    return [
        replace(each, of_case=other.number) for other in others for each in views_of(session, platform, actor, other)
    ]


def view(row: Evidence, uploader: str | None, case: Case, rules: EvidenceRules, more: Sequence[Remark]) -> EvidenceView:
    """One file with what is found about it."""
    distance = age = None
    if row.lon is not None and row.lat is not None and case.lon is not None and case.lat is not None:
        distance = round(distance_m(case.lon, case.lat, row.lon, row.lat), 1)
    if row.taken_at is not None:
        age = round((row.uploaded_at - row.taken_at).total_seconds() / 60, 1)
    found = (*place_findings(distance, rules), *time_findings(row, age, case, rules), *more)
    return EvidenceView(
        id=row.id, role=row.role, kind=kind_of(row.role), file_name=row.file_name, media_type=row.media_type,
        sha256=row.sha256, size=row.size, width_px=row.width_px, height_px=row.height_px, taken_at=row.taken_at,
        lon=row.lon, lat=row.lat, uploaded_at=row.uploaded_at, uploader=uploader or "",
        department_code=row.department_code, distance_m=distance, age_min=age, findings=found,
        notes=tuple(Remark(code, *NOTES[code]) for code in row.notes if code in NOTES),
    )  # fmt: skip


def place_findings(distance: float | None, rules: EvidenceRules) -> list[Remark]:
    """Whether the camera was somewhere else."""
    if distance is None or distance <= rules.distance_m:
        return []
    far, far_en = (f"{distance / 1000:.1f} 公里", f"{distance / 1000:.1f} km") if distance >= 1000 else (
        f"{distance:.0f} 米", f"{distance:.0f} m"
    )  # fmt: skip
    return [Remark("far_away", f"拍摄位置距上报位置 {far}", f"Taken {far_en} from the reported place", distance)]


def time_findings(row: Evidence, age: float | None, case: Case, rules: EvidenceRules) -> list[Remark]:
    """Whether it was taken at another time than it claims."""
    if age is None or row.taken_at is None:
        return []
    if age < -CLOCK_MIN:
        said = f"拍摄时间晚于上传时间 {-age:.0f} 分钟", f"Taken {-age:.0f} minutes after it was uploaded"
        return [Remark("from_the_future", *said, age)]
    found = []
    if row.role == "after_photo" and row.taken_at < case.reported_at:
        early = round((case.reported_at - row.taken_at).total_seconds() / 60, 1)
        said = (
            f"处置后照片在上报前 {early:.0f} 分钟已拍摄",
            f"Taken {early:.0f} minutes before the problem was reported",
        )
        found.append(Remark("before_the_report", *said, early))
    if age > rules.age_min:
        span, span_en = (f"{age / 1440:.1f} 天", f"{age / 1440:.1f} days") if age >= 2880 else (
            f"{age:.0f} 分钟", f"{age:.0f} minutes"
        )  # fmt: skip
        found.append(Remark("too_old", f"上传前 {span}拍摄", f"Taken {span_en} before it was uploaded", age))
    return found


def photo_findings(
    session: Session, platform: Platform, actor: Actor, case: Case, row: Evidence, rules: EvidenceRules
) -> list[Remark]:
    """Whether the photo, or one that looks like it, belongs to another case; the same file again in this one."""
    if kind_of(row.role) != PHOTO:
        return []
    near = {evidence: bits for bits, evidence in find_alike(session, unsigned(row.likeness), rules.bits)} if (
        row.likeness is not None
    ) else {}  # fmt: skip
    same = session.scalars(select(Evidence.id).where(Evidence.sha256 == row.sha256).order_by(Evidence.id).limit(100))
    near.update(dict.fromkeys(same, 0))
    near.pop(row.id, None)
    if not near:
        return []
    nearest = sorted(near, key=lambda evidence: (near[evidence], evidence))[:100]
    seen = visible(actor, platform.host.directory).label("seen")
    found: list[Remark] = []
    others = session.execute(
        select(Evidence.id, Evidence.sha256, Evidence.role, Case.id.label("case_id"), Case.number, seen)
        .join(Case, Case.id == Evidence.case_id)
        .where(Evidence.id.in_(nearest))
    ).all()
    named: set[int] = set()
    for other in sorted(others, key=lambda each: (near[each.id], each.id)):
        exact = other.sha256 == row.sha256
        if other.case_id == case.id:
            if exact and other.role != row.role and case.id not in named:
                named.add(case.id)
                said = "与本案另一类照片是同一文件", "The same file as another kind of photo of this case"
                found.append(Remark("same_file", *said, 0, case.number, other.id))
        elif other.case_id not in named and len(named) < MOST_ALIKE:
            named.add(other.case_id)
            found.append(alike(near[other.id], exact, other.number if other.seen else None, other.id))
    return found


def alike(bits: int, exact: bool, number: str | None, evidence_id: int) -> Remark:
    """The finding that another case has this photo."""
    case, case_en = (f"案件 {number} ", f"case {number}") if number else ("其他案件", "another case")
    if exact:
        said = f"与{case}的照片是同一文件", f"The same file as a photo of {case_en}"
    else:
        said = (
            f"与{case}的照片相似（64 位中 {bits} 位不同）",
            f"Looks like a photo of {case_en} ({bits} of 64 bits differ)",
        )
    return Remark("used_before", *said, bits, number, evidence_id if number else None)
