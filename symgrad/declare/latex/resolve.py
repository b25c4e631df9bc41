r"""Which name a letter with scripts is: W^{(2)\top} is W2 transposed, a^{l-1}_k an entry of a2."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from symgrad.declare.latex.scope import (
    Scope,
    Spelling,
    plain_face,
    spelled,
    spelled_above,
    spelled_all,
)
from symgrad.declare.latex.trees import Above, Group, Mark, Name, Number, Product, Sum, Tree
from symgrad.tensor.nodes import Leaf


@dataclass(frozen=True, slots=True)
class Found:
    """A name, and the scripts that are no part of it.

    `lowered` is whether the letter was a small one for a name in capitals: x^{(i)} of X; `gradient`
    whether the gradient by the name is meant, as by a δ.
    """

    name: str
    below: tuple[Tree, ...] = ()
    above: tuple[Above, ...] = ()
    lowered: bool = False
    gradient: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Finds names in a scope.

    Parameters
    ----------
    numbers : what letters of layers and steps stand for: l = 2.
    layer :   the layer of the left side, for a name written without its own.
    """

    scope: Scope
    numbers: Mapping[str, int]
    layer: int | None = None
    target: str = ""
    bound: Container[str] = ()

    def find(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """The name that is meant, if any is."""
        above = tuple(piece for each in above for piece in self._pieces(each))
        for rule in (self.exact, self._member, self._glued, self._stepped, self.alone, self._face,
                     self._delta, self._layerless, self._typed, self._lowered,
                     self._predicted):  # fmt: skip
            found = rule(stem, below, above)
            if found is not None:
                return found
        return None

    def _pieces(self, above: Above) -> tuple[Above, ...]:
        """The [2], (i) and T of a^{[2](i)T}, each by itself."""
        match above.items:
            case (Product(factors=(Group() as first, *rest)),) if all(
                isinstance(each, Group) or is_transpose(each) for each in rest
            ):
                if self.number(first) is not None or spelled_all(first.items) in self.bound:
                    return tuple(Above((each,)) for each in (first, *rest))
        return (above,)

    # --- as declared

    def exact(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """A spelling with scripts, all of which are there."""
        best: Found | None = None
        fewest = len(below) + len(above) + 1
        for each in self.scope.spellings.get(stem, ()):
            if not (each.below or each.above):
                continue
            rest = _without(each, below, above)
            if rest is not None and len(rest[0]) + len(rest[1]) < fewest:
                fewest = len(rest[0]) + len(rest[1])
                best = Found(each.name, *rest)
        return best

    def alone(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        for each in self.scope.spellings.get(stem, ()):
            if not (each.below or each.above):
                return Found(each.name, below, above)
        return None

    def _face(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """A letter in another face than the declared one: the entries w_j of a bold w."""
        plain = plain_face(stem)
        if plain != stem:
            return self.find(plain, below, above)
        faces = [each for each in self.scope.spellings if each != stem and plain_face(each) == stem]
        if len(faces) == 1:
            return self._declared(faces[0], below, above)
        return None

    def _declared(
        self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]
    ) -> Found | None:
        """The name that is meant, in this face, and in no other way than it was declared."""
        rules = (self.exact, self._member, self.alone)
        return next((f for rule in rules if (f := rule(stem, below, above)) is not None), None)

    def _glued(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """The entry a_{1j} of a_1, whose number and index stand side by side."""
        match below:
            case (Product(factors=(Number() as number, *indices), divides=divides), *rest) if (
                not any(divides)
            ):
                found = self._declared(stem, (number, *indices, *rest), above)
                return found if found is not None and number not in found.below else None
        return None

    # --- layers and steps

    def number(self, tree: Tree, last: bool = True) -> int | None:
        """The layer or step that a script says; L or T, if they are nothing else, are the last."""
        match tree:
            case Number(text=text) if text.isdigit():
                return int(text)
            case Name(text=text) if text in self.numbers:
                return self.numbers[text]
            case Name(text=text) if last and len(text) == 1 and text.isupper():
                return self.scope.last_layer()
            case Group(kind="PAREN" | "BRACK", items=(inner,)):
                return self.number(inner, last)
            case Sum(terms=terms, signs=signs):
                parts = [self.number(term, last) for term in terms]
                if None in parts:
                    return None
                return sum(s * (p or 0) for s, p in zip(signs, parts, strict=True))
        return None

    def _member(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """A member of a family in any of its notations: W_2, W^{(2)}, W^{[2]}, W^{l+1}."""
        family = self.scope.family(stem)
        if not family:
            return None
        for layer, rest_below, rest_above in self.layers(below, above):
            for each in family.get(layer, ()):
                if not each.rest:
                    return Found(each.name, rest_below, rest_above)
                if rest_below and spelled(rest_below[0]) == each.rest:
                    return Found(each.name, rest_below[1:], rest_above)
        return None

    def layers(
        self, below: tuple[Tree, ...], above: tuple[Above, ...]
    ) -> Iterator[tuple[int, tuple[Tree, ...], tuple[Above, ...]]]:
        """The layers that the scripts may say, with the scripts that are left.

        W^{(2)} says it before W_2, and that before W^2, which may be a square.
        """
        bare = []
        above = tuple(piece for each in above for piece in self._pieces(each))
        for k, each in enumerate(above):
            head, tail = split(each)
            layer = None if head is None else self.number(head)
            if layer is None:
                continue
            rest = (*above[:k], *([tail] if tail else []), *above[k + 1 :])
            if isinstance(head, Group):
                yield layer, below, rest
            else:
                bare.append((layer, below, rest))
        layer = self.number(below[0]) if below else None
        if layer is not None:
            yield layer, below[1:], above
            bare = [each for each in bare if each[0] != 2]
        yield from bare

    def _layerless(
        self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]
    ) -> Found | None:
        r"""∇_a C of a^L: a name without its layer is of the layer of the left side."""
        if self.layer is None or any(True for _ in self.layers(below, above)):
            return None
        for each in self.scope.family(stem).get(self.layer, ()):
            if not each.rest:
                return Found(each.name, below, above, note=f"{stem} is read as {each.name}")
        return None

    def _stepped(
        self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]
    ) -> Found | None:
        """f_t of a cell whose f is declared without the step that other names have, or c of c_t."""
        steps = {s.below for all_ in self.scope.spellings.values() for s in all_ if s.below == "t"}
        if below and spelled_all(below) in steps and spelled_all(below) not in self.bound:
            return self.alone(stem, (), above)
        if not below and steps:
            return next(
                (Found(s.name, (), above) for s in self.scope.spellings.get(stem, ())
                 if s.below == "t" and not s.above), None
            )  # fmt: skip
        return None

    # --- by convention

    def _delta(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        r"""\delta is the gradient by what an activation is applied to."""
        if stem != r"\delta" or stem in self.scope.spellings:
            return None
        chosen = self.delta(below, above)
        return replace(chosen, gradient=True) if chosen else None

    def delta(self, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """The value that a δ with these scripts belongs to."""
        names = self.scope.preactivations
        layers = {name: self.scope.layer_of(name) for name in names}
        for layer, rest_below, rest_above in self.layers(below, above):
            found = [name for name in names if layers[name] == layer]
            if not found and all(k is None for k in layers.values()) and layer <= len(names):
                found = names[layer - 1 : layer]
            if len(found) == 1:
                return Found(found[0], rest_below, rest_above)
        if self.target in names and (below or above or len(names) == 1):
            return Found(self.target, below, above)
        if len(names) == 1:
            return Found(names[0], below, above)
        return None

    def _typed(self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Found | None:
        """x_i for an array whose name is xi, in any case, and whose entries it is."""
        text = (stem + spelled_all(below)).lower()
        for name, node in self.scope.nodes.items():
            if below and name.lower() == text and isinstance(node, Leaf) and node.ndim:
                return Found(name, below, above)
        return None

    def _lowered(
        self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]
    ) -> Found | None:
        """x^{(i)} and p_{ik} of X and P."""
        accent, letter = ("", stem) if len(stem) == 1 else (stem[:-2], stem[-2:-1])
        upper = letter.upper() if len(stem) == 1 else f"{accent}{letter.upper()}}}"
        if upper == stem or len(letter) != 1 or not letter.islower():
            return None
        for rule in (self.exact, self._member, self.alone, self._face):
            found = rule(upper, below, above)
            if found is None:
                continue
            if found.below or any(map(_in_brackets, found.above)):
                return replace(found, lowered=True)
            if self.target:
                return replace(found, lowered=True, note=f"{stem} is read as {found.name}")
        return None

    def _predicted(
        self, stem: str, below: tuple[Tree, ...], above: tuple[Above, ...]
    ) -> Found | None:
        r"""\hat{y} is the value that the loss compares with y, where there is just one."""
        if not (stem.startswith(r"\hat{") and stem.endswith("}")):
            return None
        target = self.find(stem[5:-1], below, above)
        if target is None:
            return None
        beside = [
            name
            for name in self.scope.together.get(target.name, ())
            if isinstance(leaf := self.scope.nodes[name], Leaf) and leaf.role == "value"
        ]
        same_layer = [
            name for name in beside if self.scope.layer_of(name) == self.scope.layer_of(target.name)
        ]
        chosen = same_layer if len(beside) > 1 else beside
        if len(chosen) != 1:
            return None
        return replace(target, name=chosen[0], note=f"{stem} is read as {chosen[0]}")

    def closest(self, text: str) -> str:
        """A hint with the closest name."""
        names = list(dict.fromkeys(self.scope.names_like()))
        close = get_close_matches(text, names, 1, 0.5)
        if close:
            return f"did you mean {close[0]}?"
        return f"known are {', '.join(names[:12])}" + (" ..." if len(names) > 12 else "")


def _in_brackets(above: Above) -> bool:
    return len(above.items) == 1 and isinstance(above.items[0], Group)


def is_transpose(tree: Tree) -> bool:
    """Whether a superscript is a T."""
    return (isinstance(tree, Mark) and tree.kind == "T") or (
        isinstance(tree, Name) and tree.text == "T"
    )


def split(above: Above) -> tuple[Tree | None, Above | None]:
    """[2]T as [2] and T; anything else as it is."""
    if above.entrywise or above.mark or len(above.items) != 1:
        return None, None
    (tree,) = above.items
    if isinstance(tree, Product) and is_transpose(tree.factors[-1]) and not any(tree.divides):
        rest = tree.factors[:-1]
        head = rest[0] if len(rest) == 1 else replace(
            tree, factors=rest, divides=tree.divides[:-1]
        )  # fmt: skip
        return head, Above((tree.factors[-1],))
    return tree, None


def _without(
    each: Spelling, below: tuple[Tree, ...], above: tuple[Above, ...]
) -> tuple[tuple[Tree, ...], tuple[Above, ...]] | None:
    """The scripts that are left once those of a spelling are taken away; None if they are not all
    there.
    """
    if each.below:
        count = each.below.count(",") + 1
        if spelled_all(below) == each.below:
            below = ()
        elif len(below) > count and spelled_all(below[:count]) == each.below:
            below = below[count:]
        else:
            return None
    if each.above:
        for k, script in enumerate(above):
            head, tail = split(script)
            if spelled_above(script) == each.above:
                return below, (*above[:k], *above[k + 1 :])
            if tail is not None and spelled(head) == each.above:
                return below, (*above[:k], tail, *above[k + 1 :])
        return None
    return below, above
