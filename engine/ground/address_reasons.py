"""Why an address was found, in words: which reading of the query fits, and how the house number does."""

from __future__ import annotations

from engine.ground.address_search import AddressFound

BY = {
    "text": ("文字相符", "the text fits"),
    "pinyin": ("拼音相符", "the pinyin fits"),
    "initials": ("拼音首字母相符", "the initials fit"),
    "typo": ("与输入相近", "it resembles what was typed"),
}
NUMBER = {
    "same": ("门牌号相同", "same number"),
    "begins": ("门牌号以此开头", "the number begins so"),
    "nearest": ("没有该门牌号，这是最近的一个", "there is no such number; this is the nearest"),
}


def reason(found: AddressFound) -> tuple[str, str]:
    """Why it was found, Chinese and English."""
    parts = [BY[found.by], *([NUMBER[found.number]] if found.number in NUMBER else [])]
    return "；".join(zh for zh, _en in parts), "; ".join(en for _zh, en in parts)
