"""Reads a template as pieces to fill in, if it is simple enough: the same text as Jinja would make, or `Beyond`.

Simple: literal text, `{{ a.b[0] }}` with a few filters, `{% for x in a.b %}`, `{% if %}` over values and constants.
What such a template costs is its length times what its loops go through, which is counted, so it needs no sandbox.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from jinja2 import TemplateSyntaxError, filters, nodes

from services.sender.adapters.pieces import LOOP, Beyond, Choice, Get, Loop, Piece, Scope, Text, Value
from shared.templating import RESERVED, TemplateEnvironment

_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "upper": filters.do_upper,
    "lower": filters.do_lower,
    "capitalize": filters.do_capitalize,
    "title": filters.do_title,
    "trim": filters.do_trim,
    "round": filters.do_round,
}
_SPECIAL: Final = frozenset({"self", "super", "caller", "varargs", "kwargs"})  # names that Jinja gives a meaning
_MOST_DIGITS: Final = 10
_MOST_CHARACTERS: Final = 1000  # of a text that is worked upon: what a step costs is bounded
_FORMAT: Final = re.compile(r"[^%]*%(?:\.\d)?[dfs][^%]*")
_TURNS: Final[dict[str, Callable[[int, int], Any]]] = {
    "index": lambda number, _: number + 1,
    "index0": lambda number, _: number,
    "first": lambda number, _: number == 0,
    "last": lambda number, length: number == length - 1,
    "length": lambda _, length: length,
}
_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


def read(source: str, environment: TemplateEnvironment) -> Sequence[Piece]:
    """The pieces of a template; raises `Beyond` when it is not simple."""
    try:
        tree = environment.parse(source)
        return _Reader(environment).pieces(tree.body)
    except (TemplateSyntaxError, RecursionError):
        raise Beyond from None


class _Reader:
    """Reads the nodes of one template; `_depth` is how many loops are open."""

    def __init__(self, environment: TemplateEnvironment) -> None:
        self._escaped = bool(environment.autoescape)
        self._globals = environment.globals
        self._depth = 0
        self._known: dict[str, Value] = {}

    def pieces(self, body: Sequence[nodes.Node]) -> list[Piece]:
        found: list[Piece] = []
        for node in body:
            match node:
                case nodes.Output():
                    for shown in node.nodes:
                        _add(found, self._shown(shown))
                case nodes.For():
                    found.append(self._loop(node))
                case nodes.If():
                    found.append(self._choice(node))
                case _:
                    raise Beyond
        return found

    def _shown(self, node: nodes.Expr) -> Piece:
        if isinstance(node, nodes.TemplateData):
            return Text(node.data)
        if self._escaped and isinstance(node, nodes.Filter) and node.name in ("e", "escape") and node.node is not None:
            node = node.node  # it is escaped anyway, and only once
        said = str(node)
        if said not in self._known:
            ours = isinstance(node, nodes.Name) and node.name in RESERVED
            self._known[said] = Value(self._value(node), escaped=self._escaped, ours=ours)
        return self._known[said]

    def _loop(self, node: nodes.For) -> Loop:
        if not isinstance(node.target, nodes.Name) or node.target.name in (LOOP, *RESERVED, *_SPECIAL):
            raise Beyond
        if node.else_ or node.test or node.recursive:
            raise Beyond
        items = self._path(node.iter)
        self._depth += 1
        body = self.pieces(node.body)
        self._depth -= 1
        return Loop(node.target.name, items, body)

    def _choice(self, node: nodes.If) -> Choice:
        branches = [(self._test(one.test), self.pieces(one.body)) for one in (node, *node.elif_)]
        return Choice([*branches, (lambda _: True, self.pieces(node.else_))])

    def _test(self, node: nodes.Node) -> Get:
        match node:
            case nodes.Not():
                inner = self._test(node.node)
                return lambda scope: not inner(scope)
            case nodes.And() | nodes.Or():
                return _joined(self._test(node.left), self._test(node.right), both=isinstance(node, nodes.And))
            case nodes.Compare(ops=[nodes.Operand() as operand]) if operand.op in _COMPARISONS:
                left, right = self._operand(node.expr), self._operand(operand.expr)
                compare = _COMPARISONS[operand.op]
                return lambda scope: compare(_short(left(scope)), _short(right(scope)))
            case nodes.Test(name="defined" | "undefined" as test, node=nodes.Name() as name):
                known, wanted = self._optional(name), test == "defined"
                return lambda scope: (known in scope) is wanted
        return self._path(node)

    def _operand(self, node: nodes.Node) -> Get:
        if isinstance(node, nodes.Const):
            constant = node.value
            return lambda _: constant
        return self._path(node)

    def _value(self, node: nodes.Node) -> Get:
        if not isinstance(node, nodes.Filter):
            return self._path(node)
        if node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
            raise Beyond
        if node.name == "format":
            return self._formatted(node)
        given = [_constant(argument) for argument in node.args]
        if node.name in ("default", "d"):
            return self._defaulted(node.node, *given)
        if node.name not in _FILTERS:
            raise Beyond
        apply, inner = _FILTERS[node.name], self._value(node.node)
        return lambda scope: apply(_short(inner(scope)), *given)

    def _formatted(self, node: nodes.Filter) -> Get:
        if not isinstance(node.node, nodes.Const) or len(node.args) != 1:
            raise Beyond
        form, inner = node.node.value, self._path(node.args[0])
        if not isinstance(form, str) or not _FORMAT.fullmatch(form):
            raise Beyond
        return lambda scope: form % (_short(inner(scope)),)

    def _defaulted(self, node: nodes.Node, *given: Any) -> Get:
        """A value, or the constant given when the name is missing: within something else, Jinja shall find out."""
        if not isinstance(node, nodes.Name) or len(given) != 1:
            raise Beyond
        name, (constant,) = self._optional(node), given
        return lambda scope: scope.get(name, constant)

    def _optional(self, node: nodes.Name) -> str:
        """The name of a variable that may be missing."""
        if node.name in self._globals or node.name in _SPECIAL or self._is_turn(node):
            raise Beyond
        return node.name

    def _path(self, node: nodes.Node) -> Get:
        match node:
            case nodes.Name():
                if node.name in _SPECIAL or self._is_turn(node):
                    raise Beyond
                return operator.itemgetter(node.name)
            case nodes.Getattr(node=nodes.Name() as name) if self._is_turn(name):
                if node.attr not in _TURNS:
                    raise Beyond
                turn = _TURNS[node.attr]
                return lambda scope: turn(*scope[LOOP])
            case nodes.Getattr() if not hasattr(dict, node.attr):
                return _member(self._path(node.node), node.attr)
            case nodes.Getitem(arg=nodes.Const(value=str() | int() as key)):
                return _member(self._path(node.node), key)
        raise Beyond

    def _is_turn(self, node: nodes.Name) -> bool:
        return self._depth > 0 and node.name == LOOP


def _add(pieces: list[Piece], piece: Piece) -> None:
    """Add a piece; literal text goes on (a comment may have stood between)."""
    last = pieces[-1] if pieces else None
    if isinstance(piece, Text) and isinstance(last, Text):
        pieces[-1] = Text(last.text + piece.text)
    else:
        pieces.append(piece)


def _member(inner: Get, key: str | int) -> Get:
    """What a container holds: a name in an object, a number in a list; anything else goes its way through Jinja."""
    kind: type[Any] = dict if isinstance(key, str) else list

    def get(scope: Scope) -> Any:
        container: Any = inner(scope)
        if type(container) is not kind:
            raise Beyond
        return container[key]

    return get


def _joined(left: Get, right: Get, *, both: bool) -> Get:
    if both:
        return lambda scope: left(scope) and right(scope)
    return lambda scope: left(scope) or right(scope)


def _constant(node: nodes.Node) -> Any:
    """An argument: a short text, or a number of digits."""
    match node:
        case nodes.Const(value=str() as text) if len(text) <= 1000:
            return text
        case nodes.Const(value=int() as number) if 0 <= number <= _MOST_DIGITS:
            return number
    raise Beyond


def _short(value: Any) -> Any:
    """A value that is worked upon in no time."""
    if isinstance(value, list | dict) or (isinstance(value, str) and len(value) > _MOST_CHARACTERS):
        raise Beyond
    return value
