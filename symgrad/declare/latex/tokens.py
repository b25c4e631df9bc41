r"""LaTeX as tokens for the grammar: arguments in braces, names whole, spacing and faces gone.

TeX's own rules come first: `W_1^T` is `W_{1}^{T}`, `\frac12` is `\frac{1}{2}`. What a person
declared is a token of its own, the longest first, so that `\log p` may be the name of a value.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import accumulate, pairwise
from typing import NoReturn

from lark import Token

from symgrad.declare.latex import marks
from symgrad.declare.latex.lines import statements
from symgrad.declare.latex.scan import Raw, scan
from symgrad.declare.latex.source import Latex

#: Nesting beyond what anybody writes.
MOST_DEEP = 40

#: Tokens after which an operand is complete.
_ENDS = {"NUMBER", "NAME", "WORD", "MARK", "CLOSE", "PRIME", "END",
         "RPAREN", "RBRACK", "RCURLY", "RBAR", "RNORM", "RANGLE"}  # fmt: skip


@dataclass(slots=True)
class Tokens:
    """Makes the tokens of a text.

    `stems` are the names that are declared, without scripts; `phrases` those of several tokens of
    TeX, the longest first. `differentials` are the stems W for which dW is a gradient.
    """

    latex: Latex
    stems: Collection[str] = ()
    phrases: Sequence[tuple[str, ...]] = ()
    differentials: Collection[str] = ()
    raw: list[Raw] = field(init=False)
    out: list[Token] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    equations: int = 0

    def read(self) -> list[Token]:
        """All tokens; statements are set apart by SEP."""
        self.raw = scan(self.latex)
        at = 0
        while at < len(self.raw):
            at = self.unit(at)
        return statements(self.out)

    # --- helpers

    def put(self, kind: str, value: str, raw: Raw, after: int = 0) -> None:
        """Put a token out; it ends with the tokens of TeX before `after`, if that is told."""
        end = self.raw[after - 1].end if after else raw.end
        self.out.append(Token(kind, value, start_pos=raw.start, end_pos=end))

    def text(self, at: int) -> str:
        return self.raw[at].text if at < len(self.raw) else ""

    def skip(self, at: int) -> int:
        """Past line breaks and what says nothing."""
        while at < len(self.raw) and (
            self.raw[at].kind == "break" or self.raw[at].text in marks.SILENT
        ):
            at += 1
        return at

    def fail(self, what: str, at: int, hint: str = "") -> NoReturn:
        where = self.raw[min(at, len(self.raw) - 1)].start if self.raw else 0
        self.latex.fail(what, where, hint)

    def closing(self, at: int) -> int:
        """The position of the brace that closes the one at `at`."""
        depths = accumulate({"{": 1, "}": -1}.get(raw.text, 0) for raw in self.raw[at:])
        found = next((k for k, depth in enumerate(depths, at) if depth == 0), None)
        if found is None:
            self.fail("this brace is never closed", at)
        return found

    def enter(self, kind: str, at: int) -> None:
        self.open.append(kind)
        if len(self.open) > MOST_DEEP:
            self.fail("the formula is nested too deeply", at, "name parts of it")

    def leave(self, kind: str, at: int) -> None:
        if not self.open or self.open[-1] != kind:
            self.fail(f"this {self.text(at)!r} closes nothing that is open here", at)
        self.open.pop()

    # --- units of TeX

    def argument(self, at: int, opens: str = "OPEN") -> int:
        """An argument in braces, or of one unit, between tokens OPEN (or none) and CLOSE."""
        at = self.skip(at)
        if at >= len(self.raw) or self.text(at) == "}":
            self.fail("something is missing here", at)
        first = self.raw[at]
        if opens:
            self.put(opens, "{", first)
        self.enter("{", at)
        if first.text == "{":
            stop = self.closing(at)
            at += 1
            while at < stop:
                at = self.unit(at)
            at = stop + 1
        elif first.kind == "number" and len(first.text) > 1:
            self.split_number(at, opens)
            at = self.unit(at)
        else:
            at = self.unit(at)
        if self.open[-1] != "{":
            self.fail("a bracket in here is never closed", at - 1)
        self.open.pop()
        self.put("CLOSE", "}", self.raw[at - 1])
        return at

    def split_number(self, at: int, opens: str) -> None:
        r"""\frac12 is \frac{1}{2}; a script takes one digit as well, which few people mean."""
        raw = self.raw[at]
        if not opens:
            self.fail(f"only the {raw.text[0]} of {raw.text} is in this script", at, "write braces")
        if "." in raw.text:
            self.fail(f"only the {raw.text[0]} of {raw.text} is an argument", at, "write braces")
        cut = raw.start + 1
        self.raw[at : at + 1] = [
            Raw(raw.text[0], raw.start, cut, "number"), Raw(raw.text[1:], cut, raw.end, "number"),
        ]  # fmt: skip

    def words(self, at: int) -> tuple[str, int]:
        """The text of a command's argument, read as it stands."""
        at = self.skip(at)
        if self.text(at) == "{":
            stop = self.closing(at)
            return self.latex.text[self.raw[at].end : self.raw[stop].start].strip(), stop + 1
        if at >= len(self.raw):
            self.fail("something is missing here", at)
        return self.text(at), at + 1

    def unit(self, at: int) -> int:
        """The tokens of one unit of TeX; the position after it."""
        if at >= len(self.raw):
            self.fail("something is missing at the end", at)
        raw = self.raw[at]
        text = raw.text
        named = self.named(at)
        if named:
            return named
        if raw.kind == "number":
            self.put("NUMBER", text, raw)
        elif raw.kind == "numpy":
            self.put("WORD", text.rpartition(".")[2], raw)
        elif raw.kind == "break":
            if not self.open and not self.equations:
                self.put("SEP", "\n", raw)
        elif text in marks.SILENT:
            if text in (r"\left", r"\right"):
                return at + 1
        elif text in marks.MARKS:
            self.put("MARK", marks.MARKS[text], raw)
        elif text in marks.RELATIONS:
            self.put("REL", marks.RELATIONS[text], raw)
        elif text in marks.PRODUCTS:
            self.put("HAD", marks.PRODUCTS[text], raw)
        elif text in ("+", "-"):
            self.put("PM", text, raw)
        elif text in ("/", r"\div"):
            self.put("SLASH", "/", raw)
        elif text == "'":
            self.put("PRIME", text, raw)
        elif text in ("_", "^"):
            return self.script(at)
        elif text in marks.BRACKETS or text in marks.BARS:
            return self.bracket(at, None)
        elif text in marks.OPENING or text in marks.CLOSING:
            return self.sized(at)
        elif text in _COMMANDS:
            return _COMMANDS[text](self, at)
        elif text in marks.STYLES:
            return self.styled(at)
        elif text in marks.ACCENTS:
            return self.accented(at)
        elif text in marks.WORDS:
            word, after = self.words(at + 1)
            self.word(word, raw, after)
            return after
        elif text in marks.SILENT_WITH:
            return self.words(at + 1)[1]
        elif text in marks.SPACES:
            if not self.open:
                self.put("SEP", " ", raw)
        elif text in marks.OPERATORS:
            self.put("NAME", text, raw)
        elif text == "{":
            if self.closing(at) == at + 1:
                return at + 2
            return self.argument(at)
        elif text in ".!":
            if text == "!" or (self.skip(at + 1) < len(self.raw) and not self._ends_line(at + 1)):
                self.fail(f"cannot read {text!r}", at)
        elif raw.kind == "command":
            known = [*marks.LETTERS, *marks.OPERATORS, *marks.MARKS, *marks.PRODUCTS,
                     *marks.RELATIONS, *marks.STYLES, *marks.ACCENTS]  # fmt: skip
            close = get_close_matches(text, known, 1)
            self.fail(
                f"the command {text} is not known",
                at,
                f"did you mean {close[0]}?" if close else "declare it with names=",
            )
        else:
            self.fail(f"cannot read {text!r}", at)
        return at + 1

    def _ends_line(self, at: int) -> bool:
        return self.raw[at].kind == "break" or self.raw[at].text in (
            r"\\",
            ";",
            r"\end",
            *marks.SPACES,
        )

    # --- names

    def matches(self, phrase: Sequence[str], at: int) -> bool:
        """Whether the tokens from there on are these, with nothing between that matters."""
        if at + len(phrase) > len(self.raw):
            return False
        if any(self.raw[at + k].text != each for k, each in enumerate(phrase)):
            return False
        if phrase[0].isalnum():  # a word: one piece, and all of it
            pieces = self.raw[at : at + len(phrase) + 1]
            inside = pairwise(pieces[: len(phrase)])
            together = all(a.end == b.start for a, b in inside)
            after = pieces[len(phrase)] if len(pieces) > len(phrase) else None
            more = after is not None and after.start == pieces[-2].end and after.text.isalnum()
            return together and not more
        return True

    def named(self, at: int) -> int:
        """The token of a declared name, a letter or a differential; the position after it, or 0."""
        raw = self.raw[at]
        if self.differential(at):
            self.put("D", "d", raw)
            return at + 1
        for phrase in self.phrases:
            if self.matches(phrase, at):
                end = self.raw[at + len(phrase) - 1].end
                self.out.append(Token("NAME", " ".join(phrase), start_pos=raw.start, end_pos=end))
                return at + len(phrase)
        if raw.kind == "letter":
            word = self.typed_word(at)
            if word:
                self.put("WORD", word, raw, at + len(word))
                return at + len(word)
            self.put("NAME", raw.text, raw)
            return at + 1
        if raw.text in marks.LETTERS:
            self.put("NAME", marks.LETTERS[raw.text], raw)
            return at + 1
        return 0

    def typed_word(self, at: int) -> str:
        """A function's name in plain letters before a bracket: softmax(z)."""
        stop = at
        while stop < len(self.raw) and self.raw[stop].kind == "letter":
            if stop > at and self.raw[stop].start != self.raw[stop - 1].end:
                break
            stop += 1
        word = "".join(raw.text for raw in self.raw[at:stop])
        if (word in marks.OPTIONS and self.text(stop) == "=") or (
            word in ("True", "False") and self.out and self.out[-1].type == "REL"
        ):
            return word
        after = stop + 1 if self.text(stop) in marks.OPENING else stop
        return word if word in marks.TYPED and self.text(after) in ("(", "[", "_") else ""

    def differential(self, at: int) -> bool:
        """Whether the d here starts the gradient of a name that follows in one word."""
        raw = self.raw[at]
        if not self.differentials or raw.text != "d" or at + 1 >= len(self.raw):
            return False
        after = self.raw[at + 1]
        if after.start != raw.end or (at and self.raw[at - 1].end == raw.start
                                      and self.raw[at - 1].kind == "letter"):  # fmt: skip
            return False
        return self.begins_name(at + 1)

    def begins_name(self, at: int) -> bool:
        """Whether a name stands here, in capitals or not, that gradients are by."""
        for stem in self.differentials:
            if " " in stem and self.matches(tuple(stem.split(" ")), at):
                return True
        text = self.text(at)
        if text in marks.ACCENTS or text in marks.STYLES:
            return True
        text = marks.LETTERS.get(text, text)
        return text in self.differentials or (len(text) == 1 and text.upper() in self.differentials)

    def styled(self, at: int) -> int:
        """A letter, a number or a word in another face."""
        raw, style = self.raw[at], marks.STYLES[self.text(at)]
        inside, after = self.words(at + 1)
        inside = re.sub(r"\s+", "", inside)
        letter = marks.LETTERS.get(inside, inside)
        if (inside == "1" and style in ("bold", "blackboard")) or (
            inside == "I" and style == "blackboard" and self._opens(after)
        ):
            self.put("MARK", "one", raw, after)
        elif inside.isdigit():
            self.put("NUMBER", inside, raw, after)
        elif inside == "T" and style == "upright":
            self.put("MARK", "T", raw, after)
        elif inside == "d" and style == "upright" and self.differentials:
            self.put("D" if self.begins_name(self.skip(after)) else "NAME", "d", raw, after)
        elif inside in marks.LETTERS or (len(inside) == 1 and inside.isalpha()):
            plain = style in ("plain", "upright")
            self.put("NAME", letter if plain else rf"\{style}{{{letter}}}", raw, after)
        elif re.fullmatch(r"[A-Za-z][\w]*", inside):
            self.word(inside, raw, after)
        else:  # a whole formula in another face
            return self.argument(at + 1)
        return after

    def _opens(self, at: int) -> bool:
        at = self.skip(at)
        return self.text(at) in ("(", "[", r"\{", *marks.OPENING)

    def word(self, word: str, raw: Raw, after: int) -> None:
        """A word: a function's name, a name, or what people say between formulas."""
        self.put("MARK" if word == "T" else "WORD", word, raw, after)

    def accented(self, at: int) -> int:
        r"""A letter with a mark above; scripts inside, as in \hat{y_t}, are its own."""
        raw, accent = self.raw[at], marks.ACCENTS[self.text(at)]
        inside = self.skip(at + 1)
        braced = self.text(inside) == "{"
        stop = self.closing(inside) if braced else inside + 1
        inside += braced
        mark = len(self.out)
        inside = self.unit(inside) if inside < stop else inside
        made = self.out[mark:]
        if len(made) != 1 or made[0].type not in ("NAME", "WORD"):
            self.fail("a mark above is read on a single letter only", at)
        self.out[mark] = Token(
            "NAME",
            rf"\{accent}{{{made[0]}}}",
            start_pos=raw.start,
            end_pos=self.raw[inside - 1].end,
        )
        while inside < stop:
            if self.text(inside) not in ("_", "^", "'"):
                self.fail("a mark above is read on a single letter only", inside)
            inside = self.unit(inside)
        if braced:
            self.out[-1].end_pos = self.raw[stop].end
        return stop + braced

    # --- scripts, brackets, environments

    def script(self, at: int) -> int:
        raw = self.raw[at]
        after = self.skip(at + 1)
        if raw.text == "^":
            inside, stop = self._inside(after)
            if inside and all(each.text in (r"\prime", "'") for each in inside):
                for each in inside:
                    self.put("PRIME", "'", each)
                return stop
            if [each.text for each in inside] in ([r"\star"], ["*"]):
                self.put("SUP", "^{", raw)
                self.put("HAD", "hadamard", inside[0])
                self.put("CLOSE", "}", inside[0])
                return stop
        if not self.out or self.out[-1].type not in _ENDS:
            self.fail(f"nothing stands before this {raw.text!r}", at)
        self.put("SUB" if raw.text == "_" else "SUP", raw.text, raw)
        return self.argument(at + 1, "")

    def _inside(self, at: int) -> tuple[list[Raw], int]:
        """The tokens of TeX in the braces here, or the single one; the position after them."""
        if self.text(at) == "{":
            stop = self.closing(at)
            return self.raw[at + 1 : stop], stop + 1
        return self.raw[at : at + 1], at + 1

    def sized(self, at: int) -> int:
        r"""A bracket after \left, \right or a size."""
        opening, after = self.text(at) in marks.OPENING, self.skip(at + 1)
        if self.text(after) == ".":
            self.fail("a bracket without a partner is not read", at)
        if self.text(after) not in marks.BRACKETS and self.text(after) not in marks.BARS:
            self.fail(f"a bracket must follow {self.text(at)}", after)
        return self.bracket(after, opening)

    def bracket(self, at: int, opening: bool | None) -> int:
        raw, text = self.raw[at], self.text(at)
        if text in marks.BARS:
            kind = marks.BARS[text]
            if opening is None:
                ends = bool(self.out) and self.out[-1].type in _ENDS
                opening = not (ends and kind in self.open[-1:])
            name = ("L" if opening else "R") + kind
        else:
            name, opening = marks.BRACKETS[text]
            kind = name[1:]
        if opening:
            self.enter(kind, at)
        else:
            self.leave(kind, at)
        self.put(name, text, raw)
        return at + 1

    def fraction(self, at: int) -> int:
        self.put("FRAC", "frac", self.raw[at])
        differential = self._is_derivative(at + 1)
        after = at + 1
        for _ in range(2):
            after = self._over(after) if differential else self.argument(after)
        return after

    def _is_derivative(self, at: int) -> bool:
        r"""Whether it is \frac{d J}{d W}, the d's apart or not."""
        if not self.differentials:
            return False
        for _ in range(2):
            inside, at = self._inside(self.skip(at))
            texts = [raw.text for raw in inside]
            if texts[:1] != ["d"] and texts[:4] != [r"\mathrm", "{", "d", "}"]:
                return False
            if len(texts) < 2 or texts in ([r"\mathrm", "{", "d", "}"],):
                return False
        return True

    def _over(self, at: int) -> int:
        """One side of a derivative, its d as D."""
        at = self.skip(at)
        stop = self.closing(at)
        self.put("OPEN", "{", self.raw[at])
        self.enter("{", at)
        self.put("D", "d", self.raw[at + 1])
        inside = at + 2 if self.text(at + 1) == "d" else at + 5
        while inside < stop:
            inside = self.unit(inside)
        self.open.pop()
        self.put("CLOSE", "}", self.raw[stop])
        return stop + 1

    def radical(self, at: int) -> int:
        self.put("ROOT", "sqrt", self.raw[at])
        after = self.skip(at + 1)
        if self.text(after) == "[":
            self.put("DEGREE", "[", self.raw[after])
            self.enter("{", after)
            after += 1
            while after < len(self.raw) and self.text(after) != "]":
                after = self.unit(after)
            if after >= len(self.raw):
                self.fail("this bracket is never closed", at)
            self.open.pop()
            self.put("CLOSE", "}", self.raw[after])
            after += 1
        return self.argument(after)

    def begin(self, at: int) -> int:
        name, after = self.words(at + 1)
        if name in marks.CASES or name in marks.MATRICES:
            self.enter(name, at)
            self.tables.append(name)
            self.put("BEGIN", "cases" if name in marks.CASES else "matrix", self.raw[at])
        elif name in marks.EQUATIONS:
            self.equations += 1
        else:
            self.fail(f"the environment {name!r} is not read", at)
        return after

    def end(self, at: int) -> int:
        name, after = self.words(at + 1)
        if name in marks.CASES or name in marks.MATRICES:
            if self.open[-1:] != [name]:
                self.fail(f"this end of {name!r} closes nothing that is open here", at)
            self.open.pop()
            self.tables.pop()
            while self.out and self.out[-1].type in ("ROW", "COMMA"):
                self.out.pop()
            self.put("END", name, self.raw[at])
        elif name in marks.EQUATIONS and self.equations:
            self.equations -= 1
            self.put("SEP", "\n", self.raw[at])
        else:
            self.fail(f"the environment {name!r} does not begin here", at)
        return after

    def line(self, at: int) -> int:
        after = at + 1
        if self.text(after) == "[" and self.raw[after].start == self.raw[at].end:  # \\[2pt]
            while after < len(self.raw) and self.text(after) != "]":
                after += 1
            after += 1
        if self.tables:
            while self.out and self.out[-1].type == "COMMA":
                self.out.pop()
            self.put("ROW", "\\", self.raw[at])
        elif not self.open:
            self.put("SEP", "\n", self.raw[at])
        return after

    def ampersand(self, at: int) -> int:
        if not self.tables and self.text(at + 1) == "&":  # a remark beside the equation
            while at < len(self.raw) and self.text(at) not in (r"\\", r"\end"):
                at += 1
            return at
        if self.tables:
            while self.out and self.out[-1].type == "COMMA":
                self.out.pop()
            self.put("COL", "&", self.raw[at])
        return at + 1

    def comma(self, at: int) -> int:
        self.put("COMMA" if self.open else "SEP", ",", self.raw[at])
        return at + 1

    def semicolon(self, at: int) -> int:
        self.put("COMMA" if self.open else "SEP", ";", self.raw[at])
        return at + 1

    def colon(self, at: int) -> int:
        self.put("COLON", ":", self.raw[at])
        return at + 1


_COMMANDS = {
    r"\frac": Tokens.fraction, r"\dfrac": Tokens.fraction, r"\tfrac": Tokens.fraction,
    r"\nicefrac": Tokens.fraction, r"\sqrt": Tokens.radical, r"\begin": Tokens.begin,
    r"\end": Tokens.end, r"\\": Tokens.line, r"\cr": Tokens.line, "&": Tokens.ampersand,
    ",": Tokens.comma, ";": Tokens.semicolon, ":": Tokens.colon, r"\colon": Tokens.colon,
    r"\mid": Tokens.colon,
}  # fmt: skip
