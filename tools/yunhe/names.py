"""Chinese names for divisions, roads, estates and people, and their pinyin."""

from __future__ import annotations

from pypinyin import Style, lazy_pinyin

from tools.yunhe.plane import dice

DISTRICTS = (
    ("云中区", "Yunzhong District"),
    ("望江区", "Wangjiang District"),
    ("锦湖区", "Jinhu District"),
    ("凤岭区", "Fengling District"),
    ("澄江区", "Chengjiang District"),
    ("西洲区", "Xizhou District"),
    ("北浦区", "Beipu District"),
)

SUBDISTRICTS = (
    ("文庙", "北门", "鼓楼", "东津", "十字街", "南关"),
    ("望江", "滨江", "云洲", "南桥", "双塔"),
    ("锦湖", "石泉", "东站", "青松", "花园"),
    ("凤岭", "云台", "北桥", "紫阳", "高塘"),
    ("澄江", "柳溪", "新丰", "大观", "梅岭"),
    ("西洲", "江湾", "永宁", "荷塘", "白沙"),
    ("北浦", "青云", "桃源", "金桥", "松林"),
)

FIRST = "青云锦凤龙文德明永建兴安新广福瑞华金银玉清白红紫翠松竹梅兰桂柳枫桃荷石洪昌天星月春景丽嘉宏泰康丰庆元"
SECOND = "山水河江湖溪泉桥塘井林园亭台阁门平安康宁昌隆泰丰庆祥义仁礼智信德贤文武光明辉阳春秋苑湾洲浦岭峰源圃田"
ROMAN_FIXES = {"朝阳": "Chaoyang", "十字街": "Shizijie", "大观": "Daguan"}


def pinyin(word: str) -> str:
    """One capitalised word of pinyin without tones: 锦湖 -> Jinhu."""
    return ROMAN_FIXES.get(word) or "".join(lazy_pinyin(word, style=Style.NORMAL, v_to_u=False)).capitalize()


def stems(purpose: str, count: int, taken: set[str] | None = None) -> list[str]:
    """``count`` different two-character names, in an order of their own for each purpose; all pinyin differ too."""
    pairs = [a + b for a in FIRST for b in SECOND if a != b]
    dice(f"names {purpose}").shuffle(pairs)
    chosen: list[str] = []
    heard = {pinyin(word) for word in taken or ()}
    for pair in pairs:
        if len(chosen) == count:
            return chosen
        if pinyin(pair) not in heard:
            heard.add(pinyin(pair))
            chosen.append(pair)
    if len(chosen) < count:
        raise ValueError(f"only {len(chosen)} names for {purpose}, {count} wanted; lengthen FIRST or SECOND")
    return chosen


def community_names(count: int) -> list[str]:
    """Names of communities, unlike those of subdistricts."""
    return stems("communities", count, {name for names in SUBDISTRICTS for name in names})


SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓冯韩曹彭肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚钟姜崔谭陆范汪廖石金贾夏付方邹熊白孟秦邱江尹薛闫段雷侯龙黎史陶毛郝龚邵万钱严武戴莫孔向汤"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国志文海斌红鹏辉玲飞宇晨浩轩怡佳欣雨梦婷思远俊博云峰晓东春梅秋菊立新永康瑞雪少波彦君雅琴亚楠宏图庆丰世昌德胜家骏嘉豪子涵"


class PeopleNames:
    """Hands out names of people; no full name twice."""

    def __init__(self) -> None:
        self._dice = dice("people")
        self._used: set[str] = set()

    def next(self) -> tuple[str, str]:
        """A name and its pinyin, surname first: 王建国, Wang Jianguo."""
        while True:
            surname = SURNAMES[min(int(self._dice.expovariate(1 / 22)), len(SURNAMES) - 1)]
            given = self._dice.choice(GIVEN) + (self._dice.choice(GIVEN) if self._dice.random() < 0.8 else "")
            name = surname + given
            if name not in self._used and not (len(given) == 2 and given[0] == given[1]):
                self._used.add(name)
                return name, f"{pinyin(surname)} {pinyin(given)}"
