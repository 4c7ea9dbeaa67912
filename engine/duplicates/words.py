"""How alike two descriptions are, for Chinese and for languages with blanks: by characters, pairs of them, and words.

No list of synonyms: what two short texts share of characters and their pairs carries Chinese well enough ("井盖缺失"
and "路口的井盖没了" share 井盖), words carry the rest. What is shared is held against the shorter text, so that a long
story and a catchword may be one problem.
"""

from __future__ import annotations

import re
from functools import lru_cache

HAN = re.compile(r"[㐀-䶿一-鿿]+")
WORD = re.compile(r"[^\W\d_]{2,}|\d{2,}")
MOST_LETTERS = 600
"""Letters of a text that count; a longer one has said by then what it is about."""
POLITE = (
    "您好", "你好", "请尽快处理", "尽快处理", "请处理", "尽快", "请", "谢谢", "希望", "相关部门", "有关部门", "反映",
    "群众", "市民", "问题", "影响", "存在", "这里", "附近", "一个", "一处", "有人",
)  # fmt: skip
FAINT = frozenset("的了是在有和就不人上下个这那也都到很着被把路边一大小没")
"""Characters that alone say nothing."""
COMMON = frozenset({
    "the", "and", "for", "with", "has", "have", "been", "was", "were", "are", "this", "that", "there", "from", "near",
    "please", "case", "not", "you", "our", "can",
})  # fmt: skip


@lru_cache(maxsize=20_000)
def features(text: str) -> frozenset[str]:
    """What a text is compared by: Chinese characters and their pairs, words of other scripts, numbers."""
    short = text[:MOST_LETTERS].lower()
    for phrase in POLITE:
        short = short.replace(phrase, " ")
    found: set[str] = set()
    for run in HAN.findall(short):
        found.update(run[at : at + 2] for at in range(len(run) - 1))
        found.update(letter for letter in run if letter not in FAINT)
    found.update(word for word in WORD.findall(HAN.sub(" ", short)) if word not in COMMON)
    return frozenset(found)


def likeness(one: str, other: str) -> float | None:
    """0 to 1; none when one of the texts says nothing."""
    mine, theirs = features(one), features(other)
    if not mine or not theirs:
        return None
    shared = len(mine & theirs)
    if not shared:
        return 0.0
    shorter = shared / min(len(mine), len(theirs))
    both = 2 * shared / (len(mine) + len(theirs))
    return (shorter + both) / 2
