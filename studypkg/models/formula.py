"""A mixed-model formula, taken apart: response, fixed part, and one entry per random term.

The notation is the one of lme4: ``y ~ x*z + (1 + weeks | patient) + (1 | clinic/therapist)``.
What stands outside the bars is left to formulaic; what stands inside is read here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from formulaic.errors import FormulaicError
from formulaic.transforms import TRANSFORMS

from studypkg.errors import ConfigError, nearest
from studypkg.models.matrices import formula_of

# Functions of numpy that a formula may call: they map numbers to numbers and touch nothing else.
NUMPY_FUNCTIONS = frozenset({"abs", "cbrt", "exp", "expm1", "log", "log10", "log1p", "log2", "sqrt"})
_TICKED = re.compile(r"`([^`]+)`")
_R_FACTOR = re.compile(r"(?<![\w.])(as\.)?factor\s*\(")
_NAME = re.compile(r"[^\W\d][\w.]*")
_OPENING, _CLOSING = "([{", ")]}"
_EXAMPLE = 'For example "pain ~ weeks + (1 + weeks | patient)".'


@dataclass(frozen=True)
class RandomTerm:
    """One ``(lhs | group)``: which columns vary freely between the levels of which grouping factor."""

    lhs: str
    group: tuple[str, ...]

    @property
    def group_label(self) -> str:
        """The grouping factor as it is printed, for example ``clinic:therapist``."""
        return ":".join(self.group)


@dataclass(frozen=True)
class ParsedFormula:
    """A formula in three parts, with the text it came from."""

    text: str
    response: str
    fixed: str
    random: tuple[RandomTerm, ...]


@lru_cache(maxsize=512)
def parse_formula(text: str) -> ParsedFormula:
    """Take a mixed-model formula apart.

    Parameters
    ----------
    text
        ``response ~ fixed + (random | group) + …``. ``(a || g)`` means uncorrelated terms,
        ``(a | g/h)`` means ``(a | g) + (a | g:h)``. Names with blanks go between backticks.

    Returns
    -------
    ParsedFormula
        The parts; ``(a || g)`` and ``(a | g/h)`` are already written out as several terms.

    Raises
    ------
    ConfigError
        If the text is not a formula, or has no random term.

    Examples
    --------
    >>> parse_formula("pain ~ weeks + (1 | clinic/therapist)").random[1].group_label
    'clinic:therapist'
    """
    if not isinstance(text, str) or text.count("~") != 1:
        raise ConfigError(
            f"The formula {text!r} is not of the form 'response ~ terms': exactly one '~'. {_EXAMPLE}"
        )
    if _R_FACTOR.search(_TICKED.sub("", text)):
        raise ConfigError(f"In {text!r}, factor( ) is not known: write C(visit) for numbers that are names.")
    response, right = (part.strip() for part in text.split("~"))
    if not response or not right:
        raise ConfigError(f"The formula {text!r} lacks its left or its right side. {_EXAMPLE}")
    fixed: list[str] = []
    random: list[RandomTerm] = []
    for sign, piece in _top_level(right, text):
        inside = _bar_content(piece)
        if inside is None:
            if "|" in _TICKED.sub("", piece):
                raise ConfigError(
                    f"In {text!r}, '{piece}': a random term stands alone and in parentheses. {_EXAMPLE}"
                )
            fixed.append(f"{sign} {piece}" if fixed or sign == "-" else piece)
        elif sign == "-":
            raise ConfigError(f"In {text!r}, '{piece}' is taken away: leave the random term out instead.")
        else:
            random.extend(_random_terms(inside, text))
    if not random:
        raise ConfigError(f"The formula {text!r} has no random term, so it is no mixed model. {_EXAMPLE}")
    repeated = [t for i, t in enumerate(random) if t in random[:i]]
    if repeated:
        raise ConfigError(
            f"The formula {text!r} has ({repeated[0].lhs} | {repeated[0].group_label}) twice: keep one."
        )
    return ParsedFormula(text.strip(), response, " ".join(fixed) or "1", tuple(random))


def columns_of(expression: str, known: Iterable[str]) -> frozenset[str]:
    """Name the data columns that one side of a formula reads.

    Parameters
    ----------
    expression
        A response, a fixed part, or what stands left of a bar.
    known
        The columns there are.

    Raises
    ------
    ConfigError
        If it is no formula, or reads a column or calls a function that does not exist.
    """
    names = list(known)
    try:
        parsed = formula_of(expression)
    except (FormulaicError, SyntaxError) as fault:
        reason = str(fault).splitlines()[0].split(". ")[0]
        raise ConfigError(f"'{expression}' cannot be read as part of a formula: {reason}") from None
    found: set[str] = set()
    for term in parsed:
        for factor in term.factors:
            if factor.expr not in ("0", "1"):
                found |= _names_in(factor.expr, names)
    return frozenset(found)


def expand_terms(expression: str) -> tuple[str, ...]:
    """Write out what stands left of ``||`` as single terms: ``1 + x*z`` gives 1, x, z and x:z."""
    try:
        return tuple(str(term) for term in formula_of(expression))
    except (FormulaicError, SyntaxError):
        raise ConfigError(f"'{expression}', left of a bar, cannot be read as part of a formula.") from None


def _names_in(expression: str, known: list[str]) -> set[str]:
    if expression in known:
        return {expression}
    ticked: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        return ticked.setdefault(match.group(1), f"ticked{len(ticked)}_")

    try:
        tree = ast.parse(_TICKED.sub(hide, expression).strip(), mode="eval")
    except SyntaxError:
        raise ConfigError(f"'{expression}' cannot be read as part of a formula.") from None
    plain = {stand_in: name for name, stand_in in ticked.items()}
    found: set[str] = set()
    # What is called, or stands before a dot, is a function although a column may have its name.
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    called |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            _check_attribute(node, expression)
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp):
            raise ConfigError(f"'{expression}': a formula may call functions but not define them.")
        elif isinstance(node, ast.BitXor):
            raise ConfigError(
                f"'{expression}': inside brackets of a function a power is written x**2, not x^2."
            )
        elif isinstance(node, ast.Name):
            name = plain.get(node.id, node.id)
            if id(node) in called and name in TRANSFORMS:
                continue
            if name in known:
                found.add(name)
            elif node.id in plain or name not in TRANSFORMS or node is tree.body:
                options = [*known, *TRANSFORMS] if f"{name}(" in expression.replace(" ", "") else known
                raise ConfigError(
                    f'The formula reads "{name}", which is not a column of the data.{nearest(name, options)}'
                )
    return found


def _check_attribute(node: ast.Attribute, expression: str) -> None:
    base = node.value.id if isinstance(node.value, ast.Name) else ""
    if (base == "np" and node.attr in NUMPY_FUNCTIONS) or (base == "contr" and node.attr[:1] != "_"):
        return
    allowed = ", ".join(f"np.{name}" for name in sorted(NUMPY_FUNCTIONS))
    raise ConfigError(f"'{expression}': after a dot a formula may use only contr.* and {allowed}.")


def _top_level(right: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield (sign, piece) for every piece between the plus and minus signs outside all brackets."""
    depth, ticked, sign, start = 0, False, "+", 0
    for at, mark in enumerate(right):
        if mark == "`":
            ticked = not ticked
        if ticked:
            continue
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
            if depth < 0:
                raise ConfigError(f"The formula {text!r} closes a bracket that was not opened.")
        elif mark in "+-" and depth == 0:
            piece = right[start:at].strip()
            if piece:
                yield sign, piece
            elif at > 0:
                raise ConfigError(f"The formula {text!r} has two signs in a row, or begins with one.")
            sign, start = mark, at + 1
    if depth or ticked:
        raise ConfigError(f"The formula {text!r} opens a bracket or a backtick that is not closed.")
    if not right[start:].strip():
        raise ConfigError(f"The formula {text!r} ends with a sign: a term is missing.")
    yield sign, right[start:].strip()


def _bar_content(piece: str) -> str | None:
    """Return what is inside ``( … | … )``, or None when the piece is a fixed term."""
    if not (piece.startswith("(") and piece.endswith(")")):
        return None
    depth = 0
    for at, mark in enumerate(piece):
        depth += (mark in _OPENING) - (mark in _CLOSING)
        if depth == 0 and at < len(piece) - 1:
            return None
    inside = piece[1:-1].strip()
    return inside if "|" in _TICKED.sub("", inside) else None


def _random_terms(inside: str, text: str) -> list[RandomTerm]:
    uncorrelated = "||" in inside
    halves = inside.split("||" if uncorrelated else "|")
    if len(halves) != 2 or not halves[0].strip() or not halves[1].strip():
        raise ConfigError(f"In {text!r}, '({inside})' is not of the form (terms | group). {_EXAMPLE}")
    lhs = halves[0].strip()
    parts = [lhs]
    if uncorrelated:
        parts = [t if t == "1" else f"0 + {t}" for t in expand_terms(lhs)]
    if not expand_terms(lhs):
        raise ConfigError(f"In {text!r}, '({inside})' lets nothing vary: write (1 | group) for an intercept.")
    return [RandomTerm(part, group) for group in _groups(halves[1].strip(), text) for part in parts]


def _groups(right: str, text: str) -> list[tuple[str, ...]]:
    """Read ``g``, ``a:b`` or ``a/b`` (which is a and a:b) from the right of a bar."""
    groups: list[tuple[str, ...]] = []
    prefix: tuple[str, ...] = ()
    for level in _split_unticked(right.strip("() "), "/"):
        members = tuple(_plain_name(m, text) for m in _split_unticked(level, ":"))
        prefix = prefix + members
        groups.append(prefix)
    return groups


def _split_unticked(text: str, mark: str) -> list[str]:
    return [part.strip() for part in re.split(rf"{mark}(?=(?:[^`]*`[^`]*`)*[^`]*$)", text)]


def _plain_name(word: str, text: str) -> str:
    ticked = _TICKED.fullmatch(word)
    if ticked:
        return ticked.group(1)
    if not _NAME.fullmatch(word):
        raise ConfigError(
            f"In {text!r}, '{word}' is not a grouping factor: use a column, a:b, or a/b for b within a."
        )
    return word
