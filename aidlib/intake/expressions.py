"""A small safe vocabulary for derived columns and checks of mapping files: ``exp(lntotal) / hhsize``, ``end < start``.

An expression is parsed and each node looked up in a list of what is allowed; Python itself never evaluates it.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from aidlib.reference import problem

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def _time(cells: Any) -> Any:
    return pd.to_datetime(pd.Series(cells), errors="coerce", utc=True, format="ISO8601")


def _number(cells: Any) -> Any:
    return pd.to_numeric(cells, errors="coerce")


def _minutes(start: Any, end: Any) -> Any:
    return (_time(end) - _time(start)).dt.total_seconds() / 60


_CALLS: dict[str, Callable[..., Any]] = {
    "exp": lambda x: np.exp(_number(x)), "log": lambda x: np.log(_number(x)), "sqrt": lambda x: np.sqrt(_number(x)),
    "abs": lambda x: np.abs(_number(x)), "number": _number, "time": _time, "minutes": _minutes,
    "minimum": lambda a, b: np.minimum(_number(a), _number(b)),
    "maximum": lambda a, b: np.maximum(_number(a), _number(b)),
    "known": lambda x: pd.Series(x).notna(), "missing": lambda x: pd.Series(x).isna(),
    "joined": lambda a, b: pd.Series(a).astype("str") + "-" + pd.Series(b).astype("str"),
}  # fmt: skip


def evaluate(expression: str, columns: Mapping[str, pd.Series], place: str) -> pd.Series:
    """The value of the expression for every row; text columns count as numbers in arithmetic, missing stays missing."""
    try:
        return pd.Series(_value(_parse(expression, place).body, columns, place))
    except (TypeError, ValueError, OverflowError) as error:
        raise problem("intake.bad_expression", place=place, expression=expression[:80]) from error


def _parse(expression: str, place: str) -> ast.Expression:
    if len(expression) > 500:
        raise problem("intake.bad_expression", place=place, expression=expression[:80])
    try:
        return ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise problem("intake.bad_expression", place=place, expression=expression[:80]) from error


def _value(node: ast.expr, columns: Mapping[str, pd.Series], place: str) -> Any:
    def inner(part: ast.expr) -> Any:
        return _value(part, columns, place)

    match node:
        case ast.Constant(value=int() | float() | str()):
            return node.value
        case ast.Name(id=name) if name in columns:
            return columns[name]
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return _BINARY[type(op)](_arithmetic(inner(node.left)), _arithmetic(inner(node.right)))
        case ast.UnaryOp(op=ast.USub()):
            return -_arithmetic(inner(node.operand))
        case ast.UnaryOp(op=ast.Not()):
            return ~inner(node.operand)
        case ast.BoolOp(op=ast.And()):
            return np.logical_and.reduce([inner(part) for part in node.values])
        case ast.BoolOp(op=ast.Or()):
            return np.logical_or.reduce([inner(part) for part in node.values])
        case ast.Compare(ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return _compared(_COMPARE[type(op)], inner(node.left), inner(right))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _CALLS:
            return _CALLS[name](*(inner(part) for part in node.args))
    raise problem("intake.bad_expression", place=place, expression=ast.unparse(node)[:80])


def _arithmetic(value: Any) -> Any:
    text = isinstance(value, pd.Series) and not pd.api.types.is_numeric_dtype(value)
    return _number(value) if text and not pd.api.types.is_datetime64_any_dtype(value) else value


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Compared as numbers where one side is one; as text or times otherwise. A missing side is never true."""
    if isinstance(right, int | float):
        left = _arithmetic(left)
    return pd.Series(compare(left, right)).fillna(False).astype(bool)
