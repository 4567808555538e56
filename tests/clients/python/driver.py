"""Runs scenarios with python-socketio:

    python driver.py URL polling|websocket|upgrade SCENARIO.json...

Prints `ok NAME` or `not ok NAME: why` for each.
"""

import base64
import json
import queue
import sys
import time

import engineio.payload
import socketio

PATIENCE_S = 10
URL, MODE, *FILES = sys.argv[1:]
TRANSPORTS = ["polling", "websocket"] if MODE == "upgrade" else [MODE]
LAST_TRANSPORT = TRANSPORTS[-1]

# The client accepts 16 packets in a payload by default, and servers send more.
engineio.payload.Payload.max_decode_packets = 1000


class Failure(Exception):
    """An event differs from the scenario."""


def in_order(sio):
    """Makes the client handle messages on the thread that reads them. By default
    each message has a thread of its own, so messages overtake each other."""
    trigger = sio.eio._trigger_event

    def trigger_now(event, *args, **kwargs):
        kwargs["run_async"] = False
        return trigger(event, *args, **kwargs)

    sio.eio._trigger_event = trigger_now
    return sio


class Connection:
    """One Engine.IO connection; several clients may share it."""

    def __init__(self):
        self.sio = in_order(socketio.Client(reconnection=False))
        self.clients = []

    def connect(self, auth):
        namespaces = [client.nsp for client in self.clients]
        try:
            self.sio.connect(URL, auth=auth, transports=TRANSPORTS, namespaces=namespaces, wait_timeout=PATIENCE_S)
        except socketio.exceptions.ConnectionError:
            pass  # The refusal is reported as an event.


class Client:
    """One namespace of a connection, and its events."""

    def __init__(self, connection, nsp, auth, answers):
        self.connection = connection
        self.sio = connection.sio
        self.nsp = nsp
        self.auth = auth
        self.events = queue.Queue()
        self.id = None
        connection.clients.append(self)

        def on_any(event, *args):
            self.events.put([event, *args])
            answer = answers.get(event)
            return None if answer is None else tuple(restored(answer))

        def on_connect():
            self.id = self.sio.get_sid(nsp)
            self.events.put({"connected": True})

        def on_refused(data):
            self.events.put({"refused": data})

        def on_disconnect(reason):
            self.events.put({"disconnected": reason})

        self.sio.on("*", on_any, namespace=nsp)
        self.sio.on("connect", on_connect, namespace=nsp)
        self.sio.on("connect_error", on_refused, namespace=nsp)
        self.sio.on("disconnect", on_disconnect, namespace=nsp)

    def next(self, what):
        try:
            return self.events.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise Failure(f"not in time: {what}") from None

    def emit(self, event, callback=None):
        name, *args = event
        self.sio.emit(name, tuple(args), namespace=self.nsp, callback=callback)

    def call(self, event):
        reply = queue.Queue()
        self.emit(event, callback=lambda *args: reply.put(list(args)))
        try:
            return reply.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise Failure(f"not in time: {event}") from None


def run(scenario, nsp):
    clients = {}
    for name, options in scenario["clients"].items():
        shared = options.get("with")
        connection = clients[shared].connection if shared else Connection()
        clients[name] = Client(connection, options.get("nsp", nsp), options.get("auth"), scenario.get("answers", {}))
    try:
        for step in scenario["steps"]:
            for i in range(step.get("times", 1)):
                perform(step, i, clients)
    finally:
        for client in clients.values():
            client.sio.disconnect()


def perform(step, i, clients):
    client = clients[step["client"]]

    def fill(value):
        return restored(value, i, clients)

    if "connect" in step:
        # Connecting a shared connection joins all its namespaces at once.
        if not client.sio.connected:
            client.connection.connect(step.get("auth", client.auth))
    if "connected" in step:
        same(client.next("connect"), {"connected": True})
        same(client.next("auth"), ["auth", fill(step["connected"])])
    if "refused" in step:
        same(client.next("connect_error"), {"refused": step["refused"]})
        client.connection.sio.disconnect()
    if "emit" in step:
        client.emit(fill(step["emit"]))
    if "call" in step:
        reply = client.call(fill(step["call"]))
        if "reply" in step:
            same(reply, fill(step["reply"]))
    if "expect" in step:
        same(client.next(step["expect"]), fill(step["expect"]))
    if "transport" in step:
        same(client.sio.transport(), LAST_TRANSPORT)
    if "disconnect" in step:
        client.sio.disconnect()
        same(client.next("disconnect"), {"disconnected": "client disconnect"})
        deadline = time.monotonic() + PATIENCE_S
        while client.sio.eio.state != "disconnected" and time.monotonic() < deadline:
            time.sleep(0.01)
    if "disconnected" in step:
        # The client reports the same reason for the server and for the network.
        if "disconnected" not in client.next("disconnect"):
            raise Failure("not disconnected")
    if "closed" in step:
        # The connection has ended without unexpected events.
        deadline = time.monotonic() + PATIENCE_S
        while client.sio.eio.state == "connected":
            if time.monotonic() > deadline:
                raise Failure("not in time: close")
            time.sleep(0.01)
        same(list(client.events.queue), [])


def restored(value, i=0, clients=None):
    """{"$binary": base64} becomes bytes, "$n" the number of the round, "$id a"
    the id of client a, "$transport" the transport's name."""

    def walk(value):
        if value == "$n":
            return i
        if value == "$transport":
            return LAST_TRANSPORT
        if isinstance(value, str) and value.startswith("$id "):
            return clients[value[4:]].id
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$binary" in value:
            return base64.b64decode(value["$binary"])
        if "$repeat" in value:
            return value["$repeat"] * value["count"]
        return {key: walk(inner) for key, inner in value.items()}

    return walk(value)


def same(actual, expected):
    if actual != expected:
        raise Failure(f"expected {expected!r:.500}, got {actual!r:.500}")


def main():
    failed = False
    for file in FILES:
        with open(file, encoding="utf-8") as text:
            scenario = json.load(text)
        if scenario.get("only", "python") != "python":
            continue
        for nsp in scenario.get("namespaces", ["/"]):
            name = f"{scenario['name']} in {nsp}"
            try:
                for _ in range(scenario.get("runs", 1)):
                    run(scenario, nsp)
                print(f"ok {name}", flush=True)
            except Exception as error:
                failed = True
                print(f"not ok {name}: {error}", flush=True)
    sys.exit(1 if failed else 0)


main()
