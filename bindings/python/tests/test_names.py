"""The names and arguments of python-socketio exist in this package."""

import inspect

import pytest
import socketio

import bellwire

#: The names that do not exist, and why.
MISSING = {
    "attach": "mounting into another server is not supported in this version",
    "handle_request": "the engine answers the requests",
    "instrument": "the admin page is not supported in this version",
}
CLASSES = ["AsyncServer", "Server", "AsyncNamespace", "Namespace"]


def public(kind):
    return {
        name: member
        for name, member in inspect.getmembers(kind, callable)
        if not name.startswith("_") and name not in MISSING
    }


@pytest.mark.parametrize("name", CLASSES)
def test_methods_take_the_same_arguments(name):
    ours, theirs = getattr(bellwire, name), getattr(socketio, name)
    for method, member in public(theirs).items():
        mine = getattr(ours, method, None)
        assert mine is not None, f"{name}.{method} is missing"
        if method == "reason":
            for word in filter(str.isupper, vars(member)):
                assert getattr(mine, word) == getattr(member, word)
            continue
        known = list(inspect.signature(mine).parameters)
        wanted = list(inspect.signature(member).parameters)
        variadic = {"args", "kwargs"}
        if variadic & set(known) or variadic & set(wanted):
            continue
        assert known[: len(wanted)] == wanted, f"{name}.{method}"


def test_options_have_the_same_names():
    ours = set(inspect.signature(bellwire.AsyncServer).parameters)
    theirs = set(inspect.signature(socketio.AsyncServer.__init__).parameters)
    assert theirs - {"self", "kwargs"} - ours == set()
    engine = set(inspect.signature(__import__("engineio").AsyncServer.__init__).parameters)
    assert engine - {"self", "kwargs", "logger"} - ours == set()


def test_exceptions_have_the_same_names_and_families():
    for name, theirs in vars(socketio.exceptions).items():
        if isinstance(theirs, type):
            ours = getattr(bellwire.exceptions, name)
            assert ours.__bases__[0].__name__ == theirs.__bases__[0].__name__
