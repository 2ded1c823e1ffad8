"""Jinja, tamed. In: text of a leaf or a condition; out: a callable that fills it in.

What a template may do is bounded here, whoever wrote it: the sandbox, no unknown names, no statements but `if`, `for`
and `set`, and bounded work (`bounds`). What its data may do is bounded too: every value that is put into text passes
through the slot's `escape` (see `slots`), unless it is `Safe`.

    mappings    the key wins: `payload.items` is the payload's; where it has none, `payload.items()` lists its keys
    result      an unknown field is an error, found at compile time where the text shows it
    payload     a missing key is empty, at any depth
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError, Undefined, UndefinedError, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from bridge.errors import RenderError, did_you_mean
from bridge.render import bounds, digest, words
from bridge.render.fields import RESULT, Fields, Schema
from bridge.render.files import File
from bridge.render.slots import DATA, Safe, Slot

EXPRESSION_NAMES = frozenset({"result", "payload"})

Evaluate = Callable[[dict[str, Any]], Any]
"""Names -> value."""

MOST_INCLUDED = 10
"""How deep partials may include each other."""

_NO_PARTIALS: Mapping[str, File] = {}
_STEPS = "loop_steps_taken"
_VALUE = "value_of_the_leaf"
_GLOBALS = frozenset({"link", "namespace", "range"})
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
_GONE_FILTERS = bounds.GROWING_FILTERS | {
    *("attr", "e", "escape", "forceescape", "random", "safe", "striptags", "tojson", "urlize", "xmlattr")
}
_REFUSED = {
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.Extends: "extends",
    nodes.Block: "block",
}


class _MissingMethod(ChainableUndefined):
    """A key that the data does not have and that is also a mapping's method: empty, unless it is called."""

    def __call__(self, *args: Any) -> Any:
        return getattr(self._undefined_obj, str(self._undefined_name))(*args)


class _Generator(CodeGenerator):
    """Jinja's code generator, with `~` going through a join that knows the limit and prints null as nothing."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 (the base class's name)
        self.write("environment.concatenate((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Environment(ImmutableSandboxedEnvironment):
    """A sandbox for one slot."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, slot: Slot) -> None:
        super().__init__(autoescape=False, undefined=ChainableUndefined, finalize=_finalizer(slot), cache_size=0)
        for name in _GONE_FILTERS:
            del self.filters[name]
        self.globals = {"range": bounds.make_range, "namespace": self.globals["namespace"], "link": slot.link}
        self.filters.update(words.FILTERS)
        self.filters["left_out"] = digest.left_out
        self.filters.update({"link": slot.link, "code": slot.code, "moment": slot.moment, "clock": slot.clock})
        self.filters.update({"bold": slot.bold, "json": bounds.to_json})
        self.filters.update({"join": bounds.join, "replace": bounds.replace, "round": bounds.round_, _STEPS: _counted})

    def concat(self, parts: Iterable[str]) -> str:
        """What a block of output becomes: everything in it was escaped on the way, so it is safe for this slot."""
        return Safe("".join(bounds.bounded(parts)))

    def concatenate(self, parts: Iterable[Any]) -> str:
        """`a ~ b`: plain text again, whatever its parts were, so it will be escaped as a whole."""
        return "".join(bounds.bounded(bounds.to_text(part) for part in parts))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; on a mapping only its keys."""
        if isinstance(obj, dict):
            return self._key(obj, attribute)
        if attribute in bounds.METHODS and isinstance(obj, str):
            return partial(bounds.METHODS[attribute], obj)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`; on a mapping only its keys."""
        if isinstance(obj, dict):
            return self._key(obj, argument)
        return super().getitem(obj, argument)

    def _key(self, mapping: dict[str, Any], key: Any) -> Any:
        try:
            return mapping[key]
        except (KeyError, TypeError):
            pass
        if isinstance(mapping, Fields):
            if key in mapping.schema:
                return None
            raise UndefinedError(_no_field("this part of the result", str(key), mapping.schema))
        missing = _MissingMethod if key in _MAPPING_METHODS else ChainableUndefined
        return missing(obj=mapping, name=str(key))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ARG002 (the base class's name)
        """No formatting by `'…'.format()`: a width in it makes long text. `is_safe_attribute` refuses it."""
        return None

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Also refuses the text methods that make long text out of a number."""
        if isinstance(obj, str) and attr in bounds.GROWING_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic, as long as what comes out stays of a reasonable size."""
        bounds.check_operation(operator, left, right)
        return bounds.check_size(super().call_binop(context, operator, left, right))


class _Including(NodeTransformer):
    """Puts the parts that a text includes in their places."""

    def __init__(self, environment: Environment, partials: Mapping[str, File]) -> None:
        self._environment = environment
        self._partials = partials
        self._open: list[str] = []

    def whole(self, tree: nodes.Template) -> nodes.Template:
        """The text with all that it includes; itself where it includes nothing."""
        return self.visit(tree) if tree.find(nodes.Include) else tree

    def visit_Include(self, node: nodes.Include) -> list[nodes.Node]:  # noqa: N802 (the base class's way)
        name = str(node.template.value if isinstance(node.template, nodes.Const) else None)
        file = self._partials.get(name)
        if file is None:
            raise RenderError("", "", f"there is no partials/{name}.jinja{did_you_mean(name, self._partials)}")
        for _ in range(self._open.count(name)):
            file = file.behind if file else None
        if file is None or len(self._open) >= MOST_INCLUDED:
            raise RenderError("", "", "partials include each other without end")
        try:
            tree = self._environment.parse(file.text.strip())
        except TemplateSyntaxError as error:
            where = f"{file.path}:{file.above + error.lineno}:1"
            raise RenderError("", where, error.message or "cannot be read") from error
        self._open.append(name)
        body: list[nodes.Node] = self.visit(tree).body
        self._open.pop()
        return body


def compile_leaf(
    text: str, slot: Slot, names: Iterable[str], partials: Mapping[str, File] = _NO_PARTIALS
) -> tuple[Evaluate, frozenset[str]]:
    """A leaf of a template as a function of the names it may use, and which of them it does use.

    Text that is exactly one `{{ … }}` keeps its value's type (see `Slot.value`); anything else becomes text.
    `{% include 'x' %}` takes in the text of that partial, which may use the names known at that place.
    Raises RenderError for bad syntax and unknown names; `where` is a line of a partial, or empty (the caller knows it).
    """
    environment = _environment(slot)
    tree = _Including(environment, partials).whole(_parse(lambda: environment.parse(text)))
    used = _check(tree, frozenset(names))
    expression = _only_expression(tree)
    if expression is not None:
        evaluate = _evaluator(environment, expression)
        return lambda context: slot.value(evaluate(context)), used
    template = _parse(lambda: environment.from_string(tree))

    def fill(context: dict[str, Any]) -> str:
        names = {**environment.globals, **context, _STEPS: [0]}
        parts = template.root_render_func(template.new_context(names, shared=True))
        return "".join(bounds.bounded(parts))

    return fill, used


def compile_test(text: str, names: Iterable[str]) -> tuple[Evaluate, frozenset[str]]:
    """A bare expression, as in `if:` and `for:`, and which of the names it uses. Raises RenderError."""
    environment = _environment(DATA)
    expression = _parse(lambda: _bare(text, environment))
    used = _check(expression, frozenset(names))
    return _evaluator(environment, expression), used


def compile_expression(text: str, names: Iterable[str] = EXPRESSION_NAMES) -> Evaluate:
    """Compile a Jinja expression, with or without its `{{ }}`; mixed text becomes text.

    The function takes a dict of the names (by default `result` and `payload`) and returns the value as it is, null
    where nothing is there. A name that the dict does not hold is empty. Both raise RenderError.
    """
    written_out = "{{" in text or "{%" in text
    fill, _ = compile_leaf(text.strip(), DATA, names) if written_out else compile_test(text, names)

    def evaluate(context: dict[str, Any]) -> Any:
        try:
            return fill(context)
        except Exception as error:
            raise RenderError(text, "expression", describe(error)) from error

    return evaluate


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression over named values; compiled once. Raises RenderError."""
    return _compiled(text, tuple(values))(dict(values))


@functools.lru_cache(maxsize=1_000)
def _compiled(text: str, names: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
    return compile_expression(text, names)


def compile_condition(text: str) -> Callable[[dict[str, Any]], bool]:
    """Compile a route's `when`: a function of a result (as JSON) that says whether it holds.

    The names in it are `result` and `payload`. Both the compiler and the function raise RenderError.
    """
    evaluate = compile_expression(text)

    def holds(result: dict[str, Any]) -> bool:
        return bool(evaluate({"result": result, "payload": result.get("payload")}))

    return holds


def compile_thread_key(text: str) -> Callable[[dict[str, Any]], Any]:
    """Compile a route's `thread_key`: a function of a result (as JSON) that gives what it belongs together with.

    Both the compiler and the function raise RenderError.
    """
    evaluate = compile_expression(text, names=("result",))
    return lambda result: evaluate({"result": result})


def describe(error: Exception) -> str:
    """What went wrong in a template, in one line."""
    if isinstance(error, RenderError):
        return error.detail
    if isinstance(error, UndefinedError | SecurityError | TemplateSyntaxError):
        return str(error.message or "not allowed here")
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"{type(error).__name__}: {error}"


@cache
def _environment(slot: Slot) -> Environment:
    return Environment(slot)


def _finalizer(slot: Slot) -> Callable[[Any], str]:
    escape = slot.escape

    def finalize(value: Any) -> str:
        if isinstance(value, Safe):
            return value
        return escape(value if type(value) is str else bounds.to_text(value))

    return finalize


@pass_context
def _counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    """What every loop's list goes through."""
    steps = context[_STEPS]
    for value in values:
        steps[0] += 1
        if steps[0] > bounds.MOST_STEPS:
            raise bounds.TooMuch(f"the loops take over {bounds.MOST_STEPS} steps")
        yield value


def _parse(parse: Callable[[], Any]) -> Any:
    try:
        return parse()
    except TemplateSyntaxError as error:
        raise RenderError("", "", error.message or "cannot be read") from error
    except RecursionError as error:
        raise RenderError("", "", "nested too deeply") from error


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The expression of a text that is exactly one `{{ … }}`."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    parts = tree.body[0].nodes
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData) else None


def _bare(text: str, environment: Environment) -> nodes.Expr:
    parser = Parser(environment, text, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError(f"did not expect {parser.stream.current.value!r}", 1)
    expression.set_environment(environment)
    return expression


def _evaluator(environment: Environment, expression: nodes.Expr) -> Evaluate:
    """The expression as a function that gives its value, not its text."""
    tree = nodes.Template([nodes.Assign(nodes.Name(_VALUE, "store"), expression, lineno=1)], lineno=1)
    tree.set_environment(environment)
    template = _parse(lambda: environment.from_string(tree))

    def evaluate(context: dict[str, Any]) -> Any:
        names = template.new_context({**environment.globals, **context}, shared=True)
        for _ in template.root_render_func(names):
            pass
        value = names.vars[_VALUE]
        return None if isinstance(value, Undefined) else value

    return evaluate


def _check(tree: nodes.Node, names: frozenset[str]) -> frozenset[str]:
    """Refuse what a leaf may not hold, and count its loops' steps from now on; return the names that it uses."""
    whole = tree if isinstance(tree, nodes.Template) else nodes.Template([nodes.ExprStmt(tree, lineno=1)], lineno=1)
    refused = next(whole.find_all(tuple(_REFUSED)), None)
    if refused:
        raise RenderError("", "", f"{{% {_REFUSED[type(refused)]} %}} is not available in a template's leaf")
    for loop in whole.find_all(nodes.For):
        if loop.recursive:
            raise RenderError("", "", "a recursive loop is not available")
        loop.iter = nodes.Filter(loop.iter, _STEPS, [], [], None, None, lineno=loop.lineno)
    whole.set_environment(tree.environment)  # type: ignore[arg-type]
    found = list(whole.find_all(nodes.Name))
    if any(name.name in ("self", "super") for name in found):
        raise RenderError("", "", "self and super are not available in a template's leaf")
    assigned = {name.name for name in found if name.ctx == "store"}
    used = frozenset(_parse(lambda: find_undeclared_variables(whole))) - _GLOBALS - assigned
    for name in sorted(used - names):
        raise RenderError("", "", f"nothing here is called {name!r}{did_you_mean(name, names)}")
    for node in whole.find_all((nodes.Getattr, nodes.Getitem)):
        _check_fields(node)
    return used


def _check_fields(node: nodes.Node) -> Schema | None:
    """The fields below `result.x.y`, or null where that is not a part of the result; raises on an unknown field."""
    if isinstance(node, nodes.Name):
        return RESULT if node.name == "result" and node.ctx == "load" else None
    if isinstance(node, nodes.Getattr):
        key: Any = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
    else:
        return None
    below = _check_fields(node.node)
    if below is None or not isinstance(key, str):
        return None
    if key not in below:
        raise RenderError("", "", _no_field("the result", key, below))
    inner = below[key]
    return inner if isinstance(inner, dict) else None


def _no_field(what: str, key: str, schema: Schema) -> str:
    return f"{what} has no field {key!r}{did_you_mean(key, schema)}"
