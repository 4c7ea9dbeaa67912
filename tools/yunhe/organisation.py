"""Departments and posts of the city."""

from __future__ import annotations

from dataclasses import dataclass

from tools.yunhe.divisions import Ground


@dataclass(frozen=True)
class Department:
    code: str
    name: str
    name_en: str
    kind: str
    side: str
    parent: str
    duties: str = ""
    territory: str = ""
    fallback: str = ""


@dataclass(frozen=True)
class Post:
    code: str
    name: str
    name_en: str
    role: str
    department: str


COMMITTEE = Department("committee", "云河市城市管理委员会", "Yunhe Urban Management Committee", "command", "command", "")
SUPERVISION = Department("supervision_centre", "云河市城市管理监督中心", "Yunhe Supervision Centre", "centre", "supervision", "committee")
COMMAND = Department("command_centre", "云河市城市管理指挥中心", "Yunhe Command Centre", "command", "command", "committee")
COLLECTION = Department("collection_brigade", "信息采集大队", "Information Collection Brigade", "centre", "supervision", "supervision_centre")

# code, name, English name, kind, parent, duties of the catalogue
HANDLING = (
    ("urban_management", "云河市城市管理局", "Yunhe Urban Management Bureau", "department", "command_centre", ""),
    ("municipal", "云河市市政设施管理处", "Municipal Facilities Office", "department", "urban_management", "MUNICIPAL"),
    ("sanitation", "云河市环境卫生管理处", "Environmental Sanitation Office", "department", "urban_management", "SANITATION"),
    ("landscaping", "云河市园林绿化中心", "Landscaping Centre", "department", "urban_management", "LANDSCAPING"),
    ("drainage", "云河市排水管理处", "Drainage Authority", "department", "urban_management", "DRAINAGE"),
    ("enforcement", "云河市城管综合行政执法支队", "Urban Management Enforcement Team", "department", "urban_management", "URBAN_ENFORCEMENT"),
    ("appearance", "市城市管理局市容秩序科", "City Appearance Section", "department", "urban_management", "URBAN_APPEARANCE"),
    ("outdoor_ad", "市城市管理局户外广告管理科", "Outdoor Advertising Section", "department", "urban_management", "OUTDOOR_AD"),
    ("parking", "云河市停车管理中心", "Parking Authority", "department", "urban_management", "PARKING"),
    ("gas_office", "云河市燃气管理处", "Gas Office", "department", "urban_management", "GAS"),
    ("police", "云河市公安局", "Public Security Bureau", "department", "command_centre", "POLICE"),
    ("traffic_police", "云河市公安局交警支队", "Traffic Police", "department", "police", "TRAFFIC_POLICE"),
    ("fire_rescue", "云河市消防救援支队", "Fire and Rescue", "department", "command_centre", "FIRE_RESCUE"),
    ("housing_construction", "云河市住房和城乡建设局", "Housing and Construction Bureau", "department", "command_centre", "CONSTRUCTION"),
    ("housing", "云河市房屋管理局", "Housing Administration", "department", "command_centre", "HOUSING"),
    ("water_affairs", "云河市水务局", "Water Affairs Bureau", "department", "command_centre", "WATER_AFFAIRS"),
    ("ecology", "云河市生态环境局", "Ecology and Environment Bureau", "department", "command_centre", "ECO_ENV"),
    ("transport", "云河市交通运输局", "Transport Bureau", "department", "command_centre", "TRANSPORT"),
    ("maritime", "云河市港航管理处", "Port and Maritime Office", "department", "transport", "MARITIME"),
    ("civil_affairs", "云河市民政局", "Civil Affairs Bureau", "department", "command_centre", "CIVIL_AFFAIRS"),
    ("health", "云河市卫生健康委员会", "Health Commission", "department", "command_centre", "HEALTH"),
    ("culture_tourism", "云河市文化和旅游局", "Culture and Tourism Bureau", "department", "command_centre", "CULTURE_TOURISM"),
    ("sports", "云河市体育局", "Sports Bureau", "department", "command_centre", "SPORTS"),
    ("emergency", "云河市应急管理局", "Emergency Management Bureau", "department", "command_centre", "EMERGENCY"),
    ("civil_defence", "云河市人民防空办公室", "Civil Air Defence Office", "department", "command_centre", "CIVIL_DEFENCE"),
    ("meteorology", "云河市气象局", "Meteorological Bureau", "department", "command_centre", "METEOROLOGY"),
    ("property_owners", "云河市产权单位联络办公室", "Property Owners Liaison Office", "department", "housing_construction", "ASSET_OWNER"),
    ("water_supply", "云河水务供水有限公司", "Yunhe Water Supply Company", "company", "water_affairs", "WATER_SUPPLY"),
    ("power_grid", "云河供电公司", "Yunhe Power Grid Company", "company", "command_centre", "POWER_GRID"),
    ("telecom", "云河通信运营联合服务中心", "Yunhe Telecom Operators Service Centre", "company", "command_centre", "TELECOM"),
    ("radio_tv", "云河广电网络公司", "Yunhe Cable TV Company", "company", "command_centre", "RADIO_TV"),
    ("heating", "云河区域供热有限公司", "Yunhe District Heating Company", "company", "housing_construction", "HEATING"),
    ("pipeline", "云河油气管道运营公司", "Yunhe Pipeline Company", "company", "emergency", "PIPELINE_OWNER"),
    ("energy", "云河能源经营公司", "Yunhe Energy Operator", "company", "command_centre", "ENERGY"),
    ("bus", "云河公共交通有限公司", "Yunhe Bus Company", "company", "transport", "BUS"),
    ("bike", "云河公共自行车运营公司", "Yunhe Bike-share Operator", "company", "transport", "BIKE_OPERATOR"),
    ("post", "云河邮政分公司", "Yunhe Postal Service", "company", "command_centre", "POST"),
    ("municipal_works", "云河市政养护工程公司", "Yunhe Municipal Maintenance Company", "company", "municipal", ""),
    ("green_works", "云河绿化养护公司", "Yunhe Green Maintenance Company", "company", "landscaping", ""),
    ("clean_works", "云河清洁作业公司", "Yunhe Cleaning Company", "company", "sanitation", ""),
)  # fmt: skip
FALLBACK = "urban_management"

CENTRE_POSTS = (
    ("mayor", "分管副市长", "Deputy Mayor in Charge", "leader", "committee"),
    ("acceptor", "受理员", "Acceptor", "acceptor", "supervision_centre"),
    ("callback", "回访员", "Callback Officer", "acceptor", "supervision_centre"),
    ("shift_leader", "值班长", "Shift Leader", "shift_leader", "supervision_centre"),
    ("analyst", "综合评价分析员", "Evaluation Analyst", "analyst", "supervision_centre"),
    ("administrator", "系统管理员", "Administrator", "administrator", "supervision_centre"),
    ("collector", "信息采集员", "Collector", "collector", "collection_brigade"),
    ("dispatcher", "派遣员", "Dispatcher", "dispatcher", "command_centre"),
    ("command_head", "指挥中心主任", "Head of the Command Centre", "command_head", "command_centre"),
)  # fmt: skip
UNIT_POSTS = (
    ("clerk", "收件员", "Clerk", "unit_clerk"),
    ("handler", "经办人", "Handler", "unit_handler"),
    ("head", "负责人", "Head", "unit_head"),
)


def draw_departments(ground: Ground) -> list[Department]:
    """Centres first, then departments and companies, district centres, subdistrict offices."""
    departments = [COMMITTEE, SUPERVISION, COLLECTION, COMMAND]
    for code, name, name_en, kind, parent, duties in HANDLING:
        fallback = "yes" if code == FALLBACK else ""
        departments.append(Department(code, name, name_en, kind, "handling", parent, duties, "", fallback))
    districts = [d for d in ground.divisions if d.level == "district"]
    for d in districts:
        departments.append(
            Department(
                f"district_{d.code}", f"{d.name}城市管理指挥分中心", f"{d.name_en} Command Centre",
                "district", "command", "command_centre", "", d.code,
            )
        )  # fmt: skip
    for s in (d for d in ground.divisions if d.level == "subdistrict"):
        departments.append(
            Department(
                subdistrict_office(s.code), f"{s.name}办事处", f"{s.name_en} Office",
                "subdistrict", "handling", f"district_{s.parent}", "SUBDISTRICT", s.code,
            )
        )  # fmt: skip
    return departments


def subdistrict_office(code: str) -> str:
    """The department code of the office of a subdistrict."""
    return f"office_{code[:9]}"


def draw_posts(departments: list[Department]) -> list[Post]:
    """The posts of the centres, and clerk, handler and head of every unit that handles."""
    posts = [Post(*row) for row in CENTRE_POSTS]
    for department in departments:
        if department.kind == "district":
            posts.append(
                Post(f"{department.code}.dispatcher", f"{department.name}派遣员", f"Dispatcher, {department.name_en}", "dispatcher", department.code)
            )
            posts.append(
                Post(f"{department.code}.leader", f"{department.name}主任", f"Head, {department.name_en}", "district_leader", department.code)
            )
        if department.side == "handling":
            posts += [
                Post(f"{department.code}.{key}", f"{department.name}{name}", f"{name_en}, {department.name_en}", role, department.code)
                for key, name, name_en, role in UNIT_POSTS
            ]
    return posts
