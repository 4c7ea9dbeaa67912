"""Addresses are found by what people type, on both databases alike, and a point is told in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_people import Api
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.database import open_database, session_factory
from engine.errors import CityBroken, Invalid
from engine.ground.address_classes import address_classes, class_of
from engine.ground.address_index import index_if_stale
from engine.ground.address_lookup import SPREAD, rarest_groups
from engine.ground.address_near import addresses_near, describe_point, romanised
from engine.ground.address_reasons import reason
from engine.ground.address_search import find_addresses
from engine.ground.address_words import fold, initials, split_number, syllables
from engine.loading.address_rows import distinct_rows, load_addresses
from engine.loading.addresses import COLUMNS, export_addresses, import_addresses
from engine.loading.encodings import Encoding, encoding_of
from engine.loading.ground import load_ground
from engine.models import Address, AddressName, Base, Counter
from engine.models.addresses import SEARCH
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown

YUNHE = Path(__file__).parents[1] / "cities/yunhe/ground/addresses.csv"
HEADER = "code,name,kind,lon,lat,grid,class\n"
KEEP_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


def fill(url: str) -> Session:
    engine = open_database(url)
    Base.metadata.create_all(engine)
    session = session_factory(engine)()
    assert load_addresses(session, YUNHE) == []
    session.commit()
    return session


@pytest.fixture(scope="module")
def yunhe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The 8,000 addresses of Yunhe on SQLite."""
    session = fill(f"sqlite:///{tmp_path_factory.mktemp('addresses') / 'yunhe.sqlite'}")
    yield session
    session.close()
    session.get_bind().engine.dispose()


@pytest.fixture(scope="module")
def yunhe_postgresql() -> Iterator[Session]:
    """The same on PostgreSQL."""
    try:
        with scratch_postgresql() as url:
            session = fill(url)
            yield session
            session.close()
            session.get_bind().engine.dispose()
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def names(yunhe: Session) -> list[str]:
    return list(yunhe.scalars(select(Address.name).order_by(Address.code)))


def found_names(session: Session, query: str, limit: int = 50) -> list[str]:
    return [each.address.name for each in find_addresses(session, query, limit=limit)]


# Search -----------------------------------------------------------------------------------------------------


@KEEP_FIXTURE
@given(data=st.data())
def test_every_address_is_the_first_found_by_its_own_name(
    yunhe: Session, names: list[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(names))
    found = find_addresses(yunhe, name)
    assert found[0].address.name == name and found[0].score == 100


@KEEP_FIXTURE
@given(data=st.data())
def test_every_address_is_found_by_pinyin_and_by_initials(
    yunhe: Session, names: list[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(names))
    stem, house, _more = split_number(fold(name))
    number = str(house) if house else ""
    assert name in found_names(yunhe, "".join(syllables(stem)) + number)
    assert name in found_names(yunhe, " ".join(syllables(stem)) + number)
    assert name in found_names(yunhe, initials(syllables(stem)).upper() + number)


@KEEP_FIXTURE
@given(data=st.data())
def test_every_address_is_found_with_one_typing_mistake(yunhe: Session, names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in names if len(split_number(fold(name))[0]) >= 5]))
    at = data.draw(st.integers(0, len(split_number(name)[0]) - 1))
    how = data.draw(st.sampled_from(["wrong", "missing", "extra"]))
    middle = {"wrong": "错", "missing": "", "extra": name[at] + "错"}[how]
    typed = name[:at] + middle + name[at + 1 :]
    assume(not is_said_often(yunhe, typed))
    assert name in found_names(yunhe, typed)


def is_said_often(session: Session, typed: str) -> bool:
    """Whether what was typed is, as it stands, part of five names or more: it is no mistake then, and read as said."""
    stem = split_number(fold(typed))[0]
    holding = select(func.count()).select_from(AddressName).where(AddressName.stem.contains(stem, autoescape=True))
    return (session.scalar(holding) or 0) >= 5


def test_what_many_names_hold_is_read_as_it_was_said(yunhe: Session) -> None:
    typed = "文社区居民委员会"  # of 文光社区居民委员会, one letter missing; and as it stands of five others
    assert is_said_often(yunhe, typed)
    assert all(typed in name for name in found_names(yunhe, typed))


@KEEP_FIXTURE
@given(data=st.data())
def test_every_address_is_found_with_a_letter_of_its_pinyin_missing(
    yunhe: Session, names: list[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(names))
    stem, house, _more = split_number(fold(name))
    letters = "".join(syllables(stem))
    at = data.draw(st.integers(0, len(letters) - 1))
    assert name in found_names(yunhe, letters[:at] + letters[at + 1 :] + (str(house) if house else ""))


@pytest.mark.postgresql
def test_both_databases_answer_alike(yunhe: Session, yunhe_postgresql: Session, names: list[str]) -> None:
    queries = [
        query
        for name in names[::400]
        for stem in [split_number(fold(name))[0]]
        for query in (name, stem[-3:], stem[:2], "".join(syllables(stem)), initials(syllables(stem)), "错" + name[1:])
    ]
    short = ["路", "区", "renmin", "renminlu1", "人民路1", "人敏路1", "大道", "l"]
    assert len(queries) > 100
    for query in queries + short:
        here, there = find_addresses(yunhe, query), find_addresses(yunhe_postgresql, query)
        assert [(e.address.code, e.score, e.by, e.number) for e in here] == [
            (e.address.code, e.score, e.by, e.number) for e in there
        ], query
    for query in short:
        places = [
            [each.address.code for each in find_addresses(on, query, limit=50, kind="place")]
            for on in (yunhe, yunhe_postgresql)
        ]
        assert places[0] == places[1], query


def test_a_choice_that_many_names_fit_does_not_push_the_rare_ones_aside() -> None:
    rarity = {"长春": 30, "公共": SPREAD + 1, "厕所": SPREAD + 1, "共厕": 900}
    single = [[(token, 0, 1)] for token in ("公共", "厕所", "共厕", "长春", "无")]
    assert rarest_groups(single, rarity) == [["长春"], ["共厕"]]
    assert rarest_groups(single[:2], rarity) == [["公共"]]
    both = [[("公共", 0, 1), ("厕所", 2, 3)], [("长春", 0, 1), ("公共", 2, 3)]]
    assert rarest_groups(both, rarity) == [["长春", "公共"], ["公共", "厕所"]]


@pytest.mark.parametrize("query", ["人民", "公园", "医院", "超市"])
def test_two_characters_are_enough(yunhe: Session, names: list[str], query: str) -> None:
    found = found_names(yunhe, query, 10)
    assert len(found) == min(10, sum(query in name for name in names))
    assert all(query in name for name in found)


def test_words_may_stand_apart_and_in_any_order(yunhe: Session) -> None:
    assert "人民路与明祥大道交叉口" in found_names(yunhe, "交叉口 明祥大道 人民路")


def test_a_number_that_is_not_there_gives_the_nearest_and_says_so(yunhe: Session) -> None:
    found = find_addresses(yunhe, "云中区玉康巷99999号")
    assert found[0].number == "nearest" and found[0].address.stem == "云中区玉康巷"
    assert reason(found[0]) == (
        "文字相符；没有该门牌号，这是最近的一个",
        "the text fits; there is no such number; this is the nearest",
    )


def test_a_number_half_typed_gives_those_that_begin_so(yunhe: Session) -> None:
    numbers = {each.number for each in find_addresses(yunhe, "云中区永溪路5", limit=20)}
    assert "begins" in numbers and numbers <= {"same", "begins"}


def test_a_filter_leaves_out_other_classes(yunhe: Session) -> None:
    found = find_addresses(yunhe, "人民", class_code="crossing", limit=20)
    assert found and {each.address.class_code for each in found} == {"crossing"}
    assert {each.address.kind for each in find_addresses(yunhe, "人民", kind="door")} <= {"door"}


@pytest.mark.parametrize("query", ["", "   ", "。、!", "路" * 101])
def test_a_query_without_letters_or_too_long_is_refused(yunhe: Session, query: str) -> None:
    with pytest.raises(Invalid, match="letters or digits"):
        find_addresses(yunhe, query)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(query=st.text(min_size=1, max_size=30))
def test_no_query_breaks_the_search(yunhe: Session, query: str) -> None:
    try:
        scores = [each.score for each in find_addresses(yunhe, query)]
    except Invalid:
        assert not fold(query)
        return
    assert scores == sorted(scores, reverse=True)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.text(min_size=1, max_size=20).filter(fold), min_size=1, max_size=20, unique_by=fold))
def test_any_name_a_file_may_hold_is_found_by_itself(tmp_path: Path, made: list[str]) -> None:
    clean = [" ".join(name.split()) for name in made]
    made = [name.replace('"', "").replace("\0", "") for name in clean if name]
    engine = open_database("sqlite://")
    Base.metadata.create_all(engine)
    path = tmp_path / "any.csv"
    rows = "".join(f'{number},"{name}",poi,116,28,,\n' for number, name in enumerate(made))
    path.write_text(HEADER + rows, encoding="utf-8")
    with session_factory(engine)() as session:
        load_addresses(session, path)
        for name in session.scalars(select(Address.name)).all():
            assert name in found_names(session, name)
    engine.dispose()


# The pieces -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stem", "house"),
    [
        ("云中区人民路123号", "云中区人民路", 123),
        ("人民路123-5号", "人民路", 123),
        ("人民路12号3栋2单元501室", "人民路", 12),
        ("中山7路12号", "中山7路", 12),
        ("地铁2号线人民广场站", "地铁2号线人民广场站", 0),
        ("101国道", "101国道", 0),
        ("12号大街", "12号大街", 0),
        ("renminlu 123 hao", "renminlu", 123),
        ("25 Beacon St", "beaconst", 25),
        ("１２３号", "123号", 0),
    ],
)
def test_the_house_number_is_told_from_the_name(text: str, stem: str, house: int) -> None:
    assert split_number(fold(text))[:2] == (stem, house)


def test_a_reading_follows_its_phrase() -> None:
    assert syllables("重庆路") == ("chong", "qing", "lu")
    assert syllables("重阳路")[0] == "chong" and syllables("体重")[1] == "zhong"


def test_every_address_of_yunhe_has_a_class_of_its_kind(yunhe: Session) -> None:
    classes = address_classes()
    rows = yunhe.execute(select(Address.kind, Address.class_code)).all()
    assert all(classes[code].kind == kind for kind, code in rows)
    assert sum(kind == code and kind != "door" for kind, code in rows) < 20
    assert (
        class_of("云河市第一人民医院", "poi") == "hospital"
        and class_of("内环路与锦湖大道交叉口", "place") == "crossing"
    )


# A point in words -------------------------------------------------------------------------------------------


@pytest.fixture
def corner(tmp_path: Path) -> Iterator[Session]:
    engine = open_database("sqlite://")
    Base.metadata.create_all(engine)
    path = tmp_path / "corner.csv"
    path.write_text(
        HEADER + "1,人民路与解放路交叉口,place,116.0,28.0,,\n2,云中区解放路12号,door,116.002,28.0,,\n"
        "3,人民公园,place,116.01,28.0,,\n",
        encoding="utf-8",
    )
    with session_factory(engine)() as session:
        load_addresses(session, path)
        yield session
    engine.dispose()


def test_a_point_is_told_from_the_crossing_with_its_corner(corner: Session) -> None:
    told = describe_point(corner, 116.000216, 28.000191)  # 21.2 m east and 21.3 m north
    assert told.text == "人民路与解放路交叉口东北角 30 米"
    assert told.text_en == "30 m north-east of the crossing of Renmin Road and Jiefang Road"


@pytest.mark.parametrize(
    ("lon", "lat", "zh", "en"),
    [
        (116.0, 27.9997, "交叉口南侧 33 米", "33 m south"),
        (115.9997, 28.0, "交叉口西侧 29 米", "29 m west"),
        (116.002, 28.0, "云中区解放路12号门前", "at No. 12 Jiefang Road, Yunzhong District"),
        (116.0021, 28.0, "云中区解放路12号东侧 10 米", "10 m east of No. 12 Jiefang Road, Yunzhong District"),
        (116.0109, 28.0, "人民公园东侧 88 米", "88 m east of Renmin Park"),
    ],
)
def test_a_point_is_told_from_what_people_know(corner: Session, lon: float, lat: float, zh: str, en: str) -> None:
    told = describe_point(corner, lon, lat)
    assert told.text.endswith(zh) and told.text_en.startswith(en)


def test_a_point_far_from_everything_is_not_described(corner: Session) -> None:
    assert describe_point(corner, 117.0, 28.0).text == ""


def test_the_nearest_addresses_are_those_of_a_plain_search(yunhe: Session) -> None:
    from engine.ground.features import distance_m

    rows = yunhe.scalars(select(Address)).all()
    for lon, lat in ((116.42, 28.36), (116.3901, 28.3702), (116.47, 28.40)):
        told = addresses_near(yunhe, lon, lat, within_m=450)[:5]
        plain = sorted(rows, key=lambda row: (distance_m(lon, lat, row.lon, row.lat), row.code))[:5]
        assert [near.address.code for near in told] == [row.code for row in plain]


def test_names_are_written_in_english_as_on_signs() -> None:
    assert romanised("云河大道") == "Yunhe Avenue" and romanised("25 Beacon St") == "25 Beacon St"


# Loading ----------------------------------------------------------------------------------------------------

GOOD = "A1,甲路1号,door,116.0005,28.0005,,\nA2,甲乙小区,place,116.0006,28.0006,990101001001001,\n"


def counted(session: Session) -> tuple[int, int, int]:
    """Addresses, names, and names that the index gives for one letter."""
    match = f"SELECT count(*) FROM {SEARCH} WHERE {SEARCH} MATCH '甲'"
    return (
        session.scalar(select(func.count()).select_from(Address)) or 0,
        session.scalar(select(func.count()).select_from(AddressName)) or 0,
        int(session.connection().exec_driver_sql(match).scalar() or 0),
    )


def test_importing_the_same_file_twice_changes_nothing(town: SmallTown, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text(HEADER + GOOD, encoding="utf-8")
    with town.session as session:
        first = import_addresses(session, path)
        assert (first.read, first.added, first.changed, first.rejected) == (2, 2, 0, [])
        before = counted(session)
        again = import_addresses(session, path)
        assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
        assert counted(session) == before
        assert session.get_one(Address, "A1").grid_code == "990101001001001"
        path.write_text(HEADER + GOOD.replace("甲路1号", "丙路7号"), encoding="utf-8")
        assert import_addresses(session, path).changed == 1
        assert found_names(session, "丙路7号") == ["丙路7号"] and "甲路1号" not in found_names(session, "甲路1号")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("B1,乙路1号,door,nan,28.0005,,", "lon 'nan' is not between"),
        ("B1,乙路1号,door,116.0005,inf,,", "lat 'inf' is not between"),
        ("B1,乙路1号,door,116.0005,一百,,", "is no number of degrees"),
        ("B1,乙路1号,door,39500116,28.0005,,", "export it in WGS-84"),
        ("B1,乙路1号,door,10,10,,", "lies in no unit grid"),
        ("B1,乙路1号,door,116.0005,28.0005,990101001001009,", "it lies in grid"),
        ("B1,乙路1号,house,116.0005,28.0005,,", "kind 'house' is none of door, place, poi"),
        ("B1,乙路1号,door,116.0005,28.0005,,castle", "class 'castle' is none of"),
        ("B1,乙路1号,door,116.0005,28.0005,,park", "class park belongs to kind place"),
        ("B1,！！,door,116.0005,28.0005,,", "letters or digits"),
        (",乙路1号,door,116.0005,28.0005,,", "code is empty"),
        ("A1,乙路1号,door,116.0005,28.0005,,", "code A1 stands twice"),
        ("B1,甲路1号,door,116.0005,28.0005,,", "at the same point already, as A1"),
    ],
)
def test_a_row_that_does_not_hold_is_refused_with_its_line(
    town: SmallTown, tmp_path: Path, row: str, reason: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + GOOD + row + "\n", encoding="utf-8")
    with town.session as session:
        report = import_addresses(session, path)
        assert report.added == 2
        assert [item.line for item in report.rejected] == [4] and reason in report.rejected[0].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((HEADER + GOOD).encode("utf-16"), "is not UTF-8 nor GB18030"),
        (
            (HEADER + "".join(f"C{n},丁路{n}号,door,116.0005,28.0005,,\n" for n in range(1, 9000))).encode()
            + b"\xb5\xc0",
            "is not UTF-8 from byte [0-9]+ on, before it is",
        ),
        ((HEADER + "C1,丁路").encode()[:-1], "is not UTF-8 from byte"),
        (b"code,name\n1,2\n", "no column kind"),
        ((HEADER + 'C1,"' + "x" * 200_000).encode(), "no readable CSV"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(
    town: SmallTown, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with town.session as session:
        before = counted(session)
        with pytest.raises(CityBroken, match=message):
            import_addresses(session, path)
        assert counted(session) == before
        index_if_stale(session)
        assert counted(session) == before


def test_a_file_in_gb18030_is_read_with_a_remark(town: SmallTown, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    with town.session as session:
        path.write_bytes((HEADER + GOOD).encode("gb18030"))
        first = import_addresses(session, path)
        assert (first.added, first.rejected) == (2, []) and "GB18030" in first.note
        assert found_names(session, "甲乙小区")[0] == "甲乙小区"
        path.write_bytes(("\ufeff" + HEADER + GOOD).encode())
        again = import_addresses(session, path)
        assert (again.unchanged, again.added, again.changed, again.note) == (2, 0, 0, "")


@KEEP_FIXTURE
@given(text=st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=30))
def test_chinese_text_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.csv"
    path.write_bytes(text.encode())
    assert encoding_of(path) == Encoding("utf-8-sig")
    path.write_bytes(text.encode()[:-1])
    with pytest.raises(CityBroken, match="UTF-8"):  # cut off within a letter
        encoding_of(path)


def test_what_is_exported_is_imported_without_loss(town: SmallTown, tmp_path: Path) -> None:
    rows = (
        "A1,甲路1号,door,116.0005,28.0005,,\nA2,'=1+1,poi,116.00051234567890,28.0006,990101001001001,\n"
        '-A3,"乙,路""角""",place,116.0006,28.0007,,crossing\n'
    )
    path, out = tmp_path / "more.csv", tmp_path / "out.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    columns = list(Address.__table__.columns)
    with town.session as session:
        assert import_addresses(session, path).rejected == []
        before = session.execute(select(*columns).order_by(Address.code)).all()
        assert [row.name for row in before] == ['乙,路"角"', "甲路1号", "=1+1"]
        assert export_addresses(session, out) == 3
        written = out.read_bytes()
        assert b"A2,'=1+1,poi," in written and written.startswith(HEADER.encode())
        again = import_addresses(session, out)
        assert (again.unchanged, again.added, again.changed, again.rejected) == (3, 0, 0, [])
        session.query(Address).delete()
        session.commit()
        assert import_addresses(session, out).added == 3
        assert session.execute(select(*columns).order_by(Address.code)).all() == before
        assert export_addresses(session, out) == 3 and out.read_bytes() == written
        assert not list(tmp_path.glob("*.part"))


def test_the_addresses_of_yunhe_come_back_as_they_were(yunhe: Session, tmp_path: Path) -> None:
    assert export_addresses(yunhe, tmp_path / "out.csv") == 8000
    again, rejected = [], []
    for row in distinct_rows(tmp_path / "out.csv", rejected):
        again.append(tuple(row[name] for name in COLUMNS))
    before = yunhe.execute(select(*Address.__table__.columns).order_by(Address.code)).all()
    assert rejected == [] and again == [tuple(row) for row in before]


def test_a_dry_run_writes_nothing(town: SmallTown, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text(HEADER + GOOD, encoding="utf-8")
    with town.session as session:
        before = counted(session)
        assert import_addresses(session, path, dry_run=True).added == 2
        assert counted(session) == before


def test_addresses_of_an_earlier_release_are_indexed_at_the_next_start(town: SmallTown, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text(HEADER + GOOD, encoding="utf-8")
    with town.session as session:
        import_addresses(session, path)
        session.query(Address).update({"stem": "", "house": 0, "cell": 0, "class_code": ""})
        session.query(AddressName).delete()
        session.delete(session.get_one(Counter, "address index"))
        session.flush()
        assert "甲路1号" not in found_names(session, "甲路1号")
        assert index_if_stale(session) and not index_if_stale(session)
        assert found_names(session, "甲路1号")[0] == "甲路1号"
        assert session.get_one(Address, "A2").class_code == "residential"


def test_loading_a_city_again_leaves_the_same_index(town: SmallTown) -> None:
    folder = town.city.root / "ground"
    (folder / "addresses.csv").write_text(HEADER + GOOD, encoding="utf-8")
    with town.session as session:
        assert load_ground(session, town.city, MONDAY) == []
        before = counted(session)
        assert before == (2, 2, 2)
        load_ground(session, town.city, MONDAY)
        assert counted(session) == before


# The API ----------------------------------------------------------------------------------------------------


def test_the_api_finds_and_explains(api: Api, tmp_path: Path) -> None:
    from api.context import session

    path = tmp_path / "more.csv"
    path.write_text(HEADER + GOOD, encoding="utf-8")
    with api.app.app_context():
        import_addresses(session(), path)
    found = api.get("acceptor", "/addresses?q=jyxq").json["items"]
    assert [(each["name"], each["class"], each["by"], each["why"]) for each in found] == [
        ("甲乙小区", "residential", "initials", "拼音首字母相符")
    ]
    told = api.get("acceptor", "/addresses/near?lon=116.0006&lat=28.00069").json
    assert told["description"] == "甲路1号东北侧 23 米"
    assert told["near"][0]["name"] == "甲乙小区" and told["near"][0]["direction_en"] == "north"
    assert api.get("acceptor", "/addresses?q=%20").status_code == 422
    assert api.get("acceptor", "/addresses").json["errors"][0]["field"] == "q"
    assert api.get("acceptor", "/addresses?q=a&class=castle").json["errors"][0]["field"] == "class"
    assert api.client.get("/api/v1/addresses?q=a").status_code == 401
