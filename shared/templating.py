"""Users' templates: Jinja2 in a sandbox (tightened), which variables a template requires, what is wrong with it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.compiler import Frame
from jinja2.exceptions import SecurityError
from jinja2.meta import TrackingCodeGenerator
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

MAX_RANGE: Final = 10_000
MAX_REPEATED: Final = 100_000  # characters or items that a multiplication may make
MAX_BITS: Final = 4096  # of a number
RESERVED: Final = frozenset({"unsubscribe_url"})  # given by the sender, never required of the caller

_LOADING: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_NOT_REPEATABLE: Final = ("random",)  # the same email must read the same in every attempt
_GLOBALS: Final = ("dict", "namespace", "cycler", "joiner")


_LINE_BREAKS: Final = re.compile("[\\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(subject: str) -> str:
    """A rendered subject as it can stand in a header: all white space and control characters are single spaces."""
    return _LINE_BREAKS.sub(" ", subject).strip()


class TooMuch(SecurityError):
    """A single operation would make something huge."""


class Missing(StrictUndefined):
    """A missing variable; the error's message is its name, with a dot before it when it was looked up in something."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return f"{'' if self._undefined_obj is missing else '.'}{self._undefined_name}"


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox, without loaders, and with limits on what a single operation may make."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, *, html: bool) -> None:
        super().__init__(autoescape=html, undefined=Missing, optimized=False, auto_reload=False)
        self.globals = {name: self.globals[name] for name in _GLOBALS} | {"range": _short_range}
        for name in _NOT_REPEATABLE:
            del self.filters[name]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse multiplications, powers and formats whose result could be huge."""
        check = {"*": _check_product, "**": _check_power, "%": _check_modulo}[operator]
        check(left, right)
        return super().call_binop(context, operator, left, right)


def environment(html: bool) -> TemplateEnvironment:
    """The environment of HTML (escaping) or of subjects and plain text (not escaping)."""
    return TemplateEnvironment(html=html)


def required_variables(sources: Iterable[str | None]) -> tuple[str, ...]:
    """The variables that the parts of a template require, sorted.

    Not required is a variable that is anywhere tested by `is defined` or given a `default(…)`. Raises
    TemplateSyntaxError; ask `syntax_error` first.
    """
    needed: set[str] = set()
    optional: set[str] = set()
    for source in sources:
        if source is not None:
            tree = _checked.parse(source)
            needed |= _undeclared(tree)
            optional |= _guarded(tree)
    return tuple(sorted(needed - optional - RESERVED))


def syntax_error(source: str) -> str | None:
    """What is wrong with a template's source, with the line; None when it can be used. Nothing in it is evaluated."""
    try:
        tree = _checked.parse(source)
        _undeclared(tree)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except RecursionError:
        return "it is nested too deeply"
    return next((f"line {line}: {problem}" for line, problem in _problems(tree)), None)


def _problems(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """What Jinja finds only when it renders."""
    for loading in tree.find_all(_LOADING):
        yield loading.lineno, "a template cannot load another one"
    for filtering in tree.find_all(nodes.Filter):
        if filtering.name not in _checked.filters:
            yield filtering.lineno, f"No filter named {filtering.name!r}."
    for testing in tree.find_all(nodes.Test):
        if testing.name not in _checked.tests:
            yield testing.lineno, f"No test named {testing.name!r}."


class _Names(TrackingCodeGenerator):
    """Finds names and unknown filters; unlike its parent it never evaluates a constant expression."""

    def __init__(self, within: TemplateEnvironment) -> None:
        super().__init__(within)
        self.optimizer = None

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


def _undeclared(tree: nodes.Template) -> set[str]:
    names = _Names(_checked)
    names.visit(tree)
    return names.undeclared_identifiers


def _guarded(tree: nodes.Template) -> set[str]:
    filters = (node for node in tree.find_all(nodes.Filter) if node.name in ("default", "d"))
    tests = (node for node in tree.find_all(nodes.Test) if node.name in ("defined", "undefined"))
    return {node.node.name for node in (*filters, *tests) if isinstance(node.node, nodes.Name)}


def _short_range(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > MAX_RANGE:
        raise TooMuch(f"a range has at most {MAX_RANGE} items")
    return found


def _check_product(left: Any, right: Any) -> None:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and isinstance(other, str | list | tuple) and len(other) * one > MAX_REPEATED:
            raise TooMuch(f"a repetition has at most {MAX_REPEATED} characters or items")
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise TooMuch(f"a number has at most {MAX_BITS} bits")


def _check_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS:
        raise TooMuch(f"a number has at most {MAX_BITS} bits")


def _check_modulo(left: Any, right: Any) -> None:
    if isinstance(left, str):
        raise TooMuch("write the format filter instead of %")


_checked: Final = TemplateEnvironment(html=True)
