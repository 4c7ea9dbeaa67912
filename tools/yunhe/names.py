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
ENGLISH = {  # words with a usual English name
    "人民": "People's",
    "烈士": "Martyrs",
    "体育": "Sports",
    "内环": "Inner Ring",
    "二环": "Second Ring",
    "绕城": "City Ring",
    "滨江东": "Binjiang East",
    "滨江西": "Binjiang West",
    "沿河东": "Yanhe East",
}


def pinyin(word: str) -> str:
    """One capitalised word of pinyin without tones: 锦湖 -> Jinhu, 白安 -> Bai'an; or its usual English name."""
    if word in ENGLISH:
        return ENGLISH[word]
    joined = ""
    for syllable in lazy_pinyin(word, style=Style.NORMAL, v_to_u=True):
        joined += ("'" if joined and syllable[0] in "aeo" else "") + syllable
    return joined.capitalize()


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


SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓冯韩曹彭肖田董潘袁蔡蒋余于"
    "杜叶程魏苏吕丁任卢姚钟姜崔谭陆范汪廖石金贾夏付方邹熊白孟秦邱江尹薛闫段雷侯龙黎史"
    "陶毛郝龚邵万钱严武戴莫孔向汤"
)
MEN = """
建国 志强 建军 国强 文斌 海涛 俊杰 志勇 晓东 伟明 永强 少波 文杰 家豪 子豪 浩然 宇轩 明辉 立新 立军
国华 卫东 志远 振华 春生 春林 金龙 玉林 新民 思源 天宇 嘉伟 鹏飞 云飞 海波 江涛 世杰 成龙 德胜 永康
文博 文龙 庆丰 兴华 宏伟 光明 东升 正平 学军 学文 向阳 继红 小军 小刚 博文 晨阳 一鸣 子轩 伟 磊
军 涛 超 勇 杰 鹏 斌 波 辉 刚 健 飞 浩 宇 凯 峰
""".split()  # noqa: SIM905, a list of 80 quoted names is harder to read

WOMEN = """
秀英 桂英 玉兰 秀兰 丽华 丽娟 晓燕 海燕 雪梅 春梅 红梅 冬梅 春燕 玉梅 淑华 淑珍 美玲 晓红 晓丽 佳慧
雨欣 欣怡 思雨 梦婷 雅琴 婷婷 静怡 诗涵 子涵 慧敏 慧玲 丽萍 小燕 小芳 文静 雪莲 秋菊 凤英 金凤 月华
云霞 彩霞 爱华 爱玲 艳红 海霞 佳琪 梦瑶 若兰 紫薇 婉婷 芳 娜 敏 静 丽 艳 娟 霞 燕
玲 洁 莉 倩 颖 婷 雪 琳 慧 萍
""".split()  # noqa: SIM905, a list of 80 quoted names is harder to read


class PeopleNames:
    """Hands out names of people; no full name twice."""

    def __init__(self) -> None:
        self._dice = dice("people")
        self._used: set[str] = set()

    def next(self) -> tuple[str, str]:
        """A name and its pinyin, surname first: 王建国, Wang Jianguo."""
        while True:
            surname = SURNAMES[min(int(self._dice.expovariate(1 / 22)), len(SURNAMES) - 1)]
            given = self._dice.choice(self._dice.choice((MEN, WOMEN)))
            name = surname + given
            if name not in self._used:
                self._used.add(name)
                return name, f"{pinyin(surname)} {pinyin(given)}"
