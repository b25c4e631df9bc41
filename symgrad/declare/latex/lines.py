"""Statements apart: lines that go on are joined, remarks are left out."""

from lark import Token

_OPERATORS = {"REL", "PM", "HAD", "SLASH"}

#: Words that begin a remark, which is no equation.
_REMARKS = {"for", "for all", "if", "when", "since", "because"}
_JOINTS = {"where", "with", "and", "so", "then", "hence", "thus", "i.e.", "therefore", "or"}


def statements(tokens: list[Token]) -> list[Token]:
    """The tokens with one SEP between statements, lines that go on joined, remarks left out.

    A line goes on the one before it where it begins, or that one ends, with an operator, and where
    it holds no relation of its own.
    """
    pieces: list[list[Token]] = [[]]
    breaks: list[str] = [""]
    for token in tokens:
        if token.type == "SEP":
            pieces.append([])
            breaks.append(str(token))
        else:
            pieces[-1].append(token)
    result: list[list[Token]] = []
    for piece, by in zip(pieces, breaks, strict=True):
        while piece and piece[0].type == "WORD" and str(piece[0]).strip(" ,:") in _JOINTS:
            piece = piece[1:]
        if not piece or (piece[0].type == "WORD" and str(piece[0]).strip(" ,:") in _REMARKS):
            continue
        if result and (_goes_on(result[-1], piece) or (by in "\n " and not _relates(piece))):
            result[-1] += piece
        else:
            result.append(piece)
    out: list[Token] = []
    for piece in result:
        if out:
            out.append(Token("SEP", ";", start_pos=piece[0].start_pos, end_pos=piece[0].start_pos))
        out += piece
    return out


def _goes_on(before: list[Token], piece: list[Token]) -> bool:
    return piece[0].type in _OPERATORS or before[-1].type in _OPERATORS


def _relates(piece: list[Token]) -> bool:
    """Whether a relation stands outside all brackets and scripts."""
    depth = 0
    for token in piece:
        if token.type in ("OPEN", "SUB", "SUP", "DEGREE", "BEGIN") or token.type[0] == "L":
            depth += 1
        elif token.type in ("CLOSE", "END") or token.type in (
            "RPAREN", "RBRACK", "RCURLY", "RBAR", "RNORM", "RANGLE",
        ):  # fmt: skip
            depth -= 1
        elif token.type == "REL" and depth == 0 and str(token) in ("=", "<-"):
            return True
    return False
