"""How many arguments a handler takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

#: The results for functions, because reading a signature is slow. The keys are weak: a strong reference would keep a
#: function, and all that its closure refers to, alive after the program has released it.
_known: WeakKeyDictionary[FunctionType, float] = WeakKeyDictionary()


def takes(handler: Callable[..., Any], count: int) -> bool:
    """Whether a handler can be called with `count` positional arguments."""
    # A bound method and a partial are often made for one call, so the function below them is the key.
    function: Any = handler
    while True:
        if isinstance(function, MethodType):
            count += 1
            function = function.__func__
        elif isinstance(function, partial) and not function.keywords:
            count += len(function.args)
            function = function.func
        else:
            break
    if not isinstance(function, FunctionType):
        return _most_arguments(function) >= count
    most = _known.get(function)
    if most is None:
        most = _known[function] = _most_arguments(function)
    return most >= count


def _most_arguments(handler: Callable[..., Any]) -> float:
    """How many positional arguments a callable takes at most; infinite if it does not say."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return math.inf
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return math.inf
    return sum(parameter.kind in _POSITIONAL for parameter in parameters)
