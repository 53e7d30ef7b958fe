"""Texts on which tokenizers differ from one another."""

from __future__ import annotations

ODD = (
    "A River, a Bridge.",
    "HARBOUR WITH BOATS",
    "  airport \t runway\n",
    "!airport",
    "? ! a harbour",
    "sea-side (sand) [bank] {}",
    "a_river/bridge\\boats",
    "it's the harbour's",
    "1,234.5 m² of roofs",
    "café ﬁeld ½ ﬀ",
    "e\u0301levation",
    "a\u2011b\u2013c\u2014d “quoted” …",
    "卫星图像 中的 港口",
    "日本語の写真。",
    "🚜 farm 🚜🚜",
    "x🚜farm",
    "İstanbul ẞ ß",
    "a\u00a0b\u2003c\u200bd\u3000e",
    "\ufeffriver",
    "river\x00bank",
    "▁river▁ bank",
    "</s> river </s> bank <unk>",
    "<extra_id_0> river",
    "river " * 200,
    "a" * 500,
    "мост через реку",
    "جسر فوق نهر",
    "x",
)
"""Upper case, punctuation, tabs, Chinese, emoji, ligatures, special tokens, far too long ones."""


def mixed(count: int) -> list[str]:
    """Texts of very different lengths, no two alike."""
    words = ("a", "satellite", "image", "of", "river", "harbour", "bridge", "forest", "boats")
    texts = []
    for number in range(count):
        length = 1 + (number * 7) % 40
        chosen = [words[(number + 3 * place) % len(words)] for place in range(length)]
        texts.append(" ".join([*chosen, f"number {number}"]))
    return texts
