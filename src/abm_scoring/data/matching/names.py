"""Company names → keys under which different spellings of one name meet."""

# ruff: noqa: E501 - words are wider than code
from __future__ import annotations

import re
import unicodedata

import pandas as pd

#: Letters that Unicode does not take apart.
_LETTERS = str.maketrans(
    {
        "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "đ": "d", "Đ": "D",
        "ð": "d", "þ": "th", "ı": "i", "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh",
        "з": "z", "и": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s",
        "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "",
        "э": "e", "ю": "iu", "я": "ia", "і": "i", "ї": "i", "є": "ie", "ґ": "g", "α": "a", "β": "v", "γ": "g", "δ": "d",
        "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o",
        "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
    }
)  # fmt: skip

#: Legal forms as they stand after folding, longest first where one contains another.
_FORMS = sorted(
    """
    ab|ag|ag & co kg|ag & co kgaa|aktiengesellschaft|aktiengesellschaft & co|ano|ao|aps|as|asa|bhd|bv|bvba|ca|co|co inc|co kg
    |co kgaa|co ltd|company|corp|corporation|doo|dd|eg|eingetragene genossenschaft|eirl|ei|ek|enterprises|eood|eurl|ev|ep
    |fzco|fze|fzc|gbr|gesellschaft mit beschrankter haftung|gesmbh|ggmbh|gie|gmbh|gmbh & co|gmbh & co kg|gmbh & co kgaa
    |gmbh & co ohg|gruppe|group|holding|holdings|inc|incorporated|ip|kd|kda|kft|kg|kgaa|kk|ks|llc|llp|limited|ltd|ltda|lp|mbh
    |nv|nyrt|oao|obshchestvo s ogranichennoi otvetstvennostiu|ohg|ood|ooo|oy|oyj|pao|plc|pllc|pt|pte|pte ltd|private limited
    |pte limited|pty|pty ltd|pty limited|pvt|pvt ltd|rao|ro|rt|sa|sa de cv|sab de cv|sapi de cv|sarl|sas|sasu|sca|scrl|scs
    |sdn bhd|se|se & co kg|se & co kgaa|sia|sl|slu|snc|societa per azioni|societate cu raspundere limitata|spa|spol s ro|spolka akcyjna
    |spolka z oo|sp z oo|sp z|sp k|sp j|sp z oo sp k|sprl|sro|srl|srls|ta|tov|uab|ug|ug haftungsbeschrankt|unlimited|vof|zao|zrt|zrt|at|ad
    |societe anonyme|sociedad anonima|sociedad limitada|zakrytoe aktsionernoe obshchestvo|aktsionernoe obshchestvo|sc
    """.replace("\n", "").replace("    ", "").split("|"),
    key=lambda form: (-len(form), form),
)  # fmt: skip
_AND = {"and", "und", "et", "y", "e", "si", "i", "og", "och", "en", "&"}
_SUFFIX = tuple(tuple(form.split()) for form in _FORMS if form)
_BY_LAST = {last: tuple(f for f in _SUFFIX if f[-1] == last) for last in {f[-1] for f in _SUFFIX}}
_PREFIX = {("ooo",), ("oao",), ("zao",), ("pao",), ("ao",), ("ip",), ("tov",), ("sc",), ("pt",), ("the",)}


def fold(text: str) -> str:
    """Lower-case ASCII of a text in a Latin, Cyrillic or Greek script: `Știință` → stiinta, `Ромашка` → romashka."""
    plain = unicodedata.normalize("NFC", text).lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    return plain.encode("ascii", "ignore").decode()


def name_key(name: str) -> str:
    """A company name without case, accents, punctuation and legal form; empty where nothing is left.

    `Müller & Söhne GmbH & Co. KG` and `MUELLER UND SOEHNE` give the same key. Words keep their order.
    """
    text = re.sub(r"[.'’`´]", "", fold(name))
    words = re.sub(r"[^a-z0-9&]+", " ", text.replace("&", " & ")).split()
    words = ["&" if word in _AND and 0 < at < len(words) - 1 else word for at, word in enumerate(words)]
    words = _without_form(words)
    kept = [re.sub(r"([aou])e", r"\1", word) for word in words if word != "&"]
    return " ".join(kept)


def _without_form(words: list[str]) -> list[str]:
    while len(words) > 1:
        ends = next(
            (f for f in _BY_LAST.get(words[-1], ()) if len(f) < len(words) and tuple(words[-len(f) :]) == f), None
        )
        if ends:
            words = words[: -len(ends)]
        elif words[-1] == "&":
            words = words[:-1]
        elif tuple(words[:1]) in _PREFIX:
            words = words[1:]
        else:
            break
    return words


def name_keys(names: pd.Series) -> pd.Series:
    """`name_key` of each name; null where nothing is left."""
    codes, distinct = pd.factorize(names.astype("str"))
    keys = pd.Series([name_key(str(n)) or None for n in distinct], dtype="str")
    return pd.Series(keys.reindex(codes).array, index=names.index, dtype="str")
