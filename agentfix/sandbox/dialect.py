"""What the embedded interpreter lacks: read from its errors after a run, or from the source before one.

Knows the language that pydantic-monty 1.4.0 speaks. Never executes anything of a program: source is parsed, and names
from error messages are looked up only in modules that are known to be harmless.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import warnings
from pathlib import Path

MODULES = frozenset({
    "__future__", "asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses", "datetime",
    "decimal", "functools", "hashlib", "itertools", "json", "math", "os", "pathlib", "posixpath", "random", "re", "sys",
    "time", "tomllib", "typing", "unicodedata",
})
"""The modules it can import."""

MOST_READ_CHARACTERS = 100_000
"""The source of a longer program is not read before it runs: that would hold the event loop up."""
_NO_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([^']+)'")
_NO_NAME_IN = re.compile(r"ImportError: cannot import name '([^']+)' from '([^']+)'")
_NO_SYNTAX = re.compile(r"NotImplementedError: The monty syntax parser does not yet support (.+)")
_NO_BUILTIN = re.compile(r"NameError: name '([^']+)' is not defined")
_NO_ATTRIBUTE = re.compile(r"AttributeError: (?:module|type object)? ?'([\w.]+)' (?:object )?has no attribute '(\w+)'")
_NOT_YET = re.compile(
    r"\w+: (?:Internal error in monty: (.*)|(.*not yet support.*|.*not supported in this environment.*))")
_NO_WRITING = re.compile(
    r"AttributeError: '(function|module)' object has no attribute '(\w+)' and no __dict__ for setting new attributes")
_OF_FUNCTIONS = frozenset(dir(lambda: None))
_NO_ITERATOR = "TypeError: 'list' object is not an iterator"
_PLAIN = (ast.Constant, ast.Expr, ast.Assign, ast.Call, ast.BinOp)
"""Syntax that is in about every program."""
_MAKERS_OF_LISTS = frozenset({"zip", "map", "filter", "enumerate", "reversed"})
"""What it makes lists of, where CPython makes iterators; so it does of generator expressions."""
_NOT_OPENED = re.compile(r"ValueError: (exclusive creation mode) is not supported")
_NO_FILE_TO_PRINT = re.compile(r"TypeError: (print\(\) .file. argument must be sys.stdout or sys.stderr), not ")


def missing_feature(error: str, code: str) -> str | None:
    """What the interpreter lacks, when that is why a program failed.

    Args:
        error: type and message of the exception, in one line.
        code: the program.

    Returns:
        The feature in a few words, such as `module 'numpy'`; None when the failure is the program's own: CPython would
        have failed too.
    """
    if found := _NO_MODULE.match(error):
        return f"module {found[1]!r}"
    if found := _NO_NAME_IN.match(error):
        return f"{found[2]}.{found[1]}" if found[2] not in MODULES or _has(found[2], found[1]) else None
    if found := _NO_SYNTAX.match(error):
        return found[1]
    if found := _NO_BUILTIN.match(error):
        return f"builtin {found[1]!r}" if hasattr(builtins, found[1]) else None
    if found := _NO_WRITING.match(error):
        return f"attributes of a {found[1]}"
    if (found := _NO_ATTRIBUTE.match(error)) and found[1] == "function" and found[2] in _OF_FUNCTIONS:
        return f"attributes of a {found[1]}"
    if found := _NO_ATTRIBUTE.match(error):
        return f"{found[1]}.{found[2]}" if _has(found[1], found[2]) else None
    if found := _NOT_YET.match(error):
        return found[1] or found[2]
    if error == _NO_ITERATOR:
        return "iterators made by expressions, zip, map, ..." if _makes_iterators(code) else None
    if found := _NOT_OPENED.match(error) or _NO_FILE_TO_PRINT.match(error):
        return found[1]
    return None


def syntax_error(code: str) -> tuple[str, int | None] | None:
    """What this host's CPython says against a program's syntax: message and line; None when it has nothing to say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<program>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{type(error).__name__}: {error.msg}", error.lineno
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; nesting that the parser can't follow
        return f"SyntaxError: {str(error) or 'too deeply nested'}", None
    return None


def misplaced(code: str) -> tuple[str, int | None] | None:
    """What stands at the top of a program and may stand in functions only, as CPython says it: message and line.

    Monty lets a program `return` and `await` there.
    """
    if len(code) > MOST_READ_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
            try:
                compile(tree, "<program>", "exec", dont_inherit=True)
            except SyntaxError as error:
                return f"SyntaxError: {error.msg}", error.lineno
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        # The interpreter says it itself, or knows newer syntax. CPython 3.11 raises SystemError when Python code runs
        # within the parser, such as a finalizer: https://github.com/python/cpython/issues/106905
        pass
    return None


def features_used(code: str) -> frozenset[str]:
    """The features a program visibly uses; none when it can't be parsed.

    Modules, builtins and their attributes are in the words of `missing_feature`; attributes of anything else are
    `.name`, and what is not in every program of the language is `syntax Yield` and the like. The names of its own
    variables are no part of it, so that programs of one shape have the same features.
    """
    return frozenset(word for node in _nodes(code) for word in _words(node))


def modules_lacking(used: frozenset[str]) -> frozenset[str]:
    """Those of the used features that are modules which the interpreter can't import."""
    return frozenset(word for word in used if word.startswith("module ") and word[8:-1] not in MODULES)


def _nodes(code: str) -> list[ast.AST]:
    if len(code) > MOST_READ_CHARACTERS:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return []


def _makes_iterators(code: str) -> bool:
    return any(isinstance(node, ast.GeneratorExp) or (isinstance(node, ast.Name) and node.id in _MAKERS_OF_LISTS)
               for node in _nodes(code))


def _words(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [f"module {name.name.split('.')[0]!r}" for name in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return [f"module {module.split('.')[0]!r}", *(f"{module}.{name.name}" for name in names)]
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in MODULES or hasattr(builtins, name):
            return [f"{name}.{attribute}"]
        case ast.Attribute(attr=attribute):
            return [f".{attribute}"]
        case ast.Name(id=name):
            return [f"builtin {name!r}"] if hasattr(builtins, name) else []
        case ast.stmt() | ast.expr() | ast.pattern() if not isinstance(node, _PLAIN):
            return [f"syntax {type(node).__name__}"]
        case _:
            return []


def _has(owner: str, attribute: str) -> bool:
    """Whether CPython's module or type of that name has the attribute."""
    first, _, rest = owner.partition(".")
    if first in MODULES or first == "_io":
        thing: object = importlib.import_module(first)
        for part in rest.split(".") if rest else ():
            thing = getattr(thing, part, None)
    elif owner == "PosixPath":
        thing = Path
    elif not rest and isinstance(getattr(builtins, first, None), type):
        thing = getattr(builtins, first)
    else:
        return False
    return hasattr(thing, attribute)
