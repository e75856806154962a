# SPDX-License-Identifier: Apache-2.0
"""A network between clients and brokers that can fail: a port of its own for each broker, through which bytes pass both ways.

Kafka's clients connect to the addresses that brokers advertise, so a broker has a listener for each network and advertises the network's port
there (broker.started(networks=...)). Who is given network.bootstrap goes through this network alone; it can be taken from one client while
others keep theirs.

    heal()     bytes pass; what was held comes late
    cut()      connections are reset, and new ones too: a machine that is up and refuses
    hang()     nothing passes and nothing is refused: a cable that was pulled
    mute()     requests arrive, answers do not; at the next heal() these connections are reset: whoever asked never learns what was done

One thread moves the bytes. Modes are set by any thread; that thread heeds them, and whoever sets one waits until it has.
"""
import contextlib
import selectors
import socket
import struct
import threading

CHUNK, HELD_AT_MOST = 1 << 16, 1 << 20


class Pipe:
    """Two sockets that are one connection: `client` came to the port, `broker` goes on from there."""

    def __init__(self, client, broker):
        self.client, self.broker = client, broker
        self.held = {client: b"", broker: b""}  # to be sent to it
        self.is_muted = False

    def other(self, end):
        return self.broker if end is self.client else self.client

    def reset(self):
        for end in (self.client, self.broker):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


class Network:
    def __init__(self, ports):
        """A port to connect to for each broker; to where it leads is told by connect()."""
        self.listeners = [socket.create_server(("127.0.0.1", port), backlog=128) for port in ports]
        self.ports = list(ports)
        self.targets = [None] * len(ports)
        self.selector = selectors.DefaultSelector()
        self.pipes = {}  # by either end
        self.mode, self.wanted, self.ending = "heal", "heal", False
        self.heeded = threading.Condition()
        self.bell, self.ringer = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def connect(self, targets):
        """Where the brokers really listen, by their order. Now it works."""
        self.targets = list(targets)
        for end in (*self.listeners, self.bell):
            end.setblocking(False)
            self.selector.register(end, selectors.EVENT_READ)
        self.thread.start()

    def close(self):
        if self.thread.is_alive():
            self.ending = True
            self.ringer.send(b"!")
            self.thread.join()
        for end in (*self.pipes, *self.listeners, self.bell, self.ringer):
            end.close()

    # -- modes

    def set(self, mode):
        with self.heeded:
            self.wanted = mode
            self.ringer.send(b"!")
            self.heeded.wait_for(lambda: self.mode == mode)

    def heal(self):
        self.set("heal")

    def cut(self):
        self.set("cut")

    def hang(self):
        self.set("hang")

    def mute(self):
        self.set("mute")

    def heed(self):
        self.bell.recv(CHUNK)
        with self.heeded:
            before, self.mode = self.mode, self.wanted
            for pipe in set(self.pipes.values()):
                pipe.is_muted = pipe.is_muted or self.mode == "mute"
                if self.mode == "cut" or (before == "mute" and pipe.is_muted):
                    self.drop(pipe)
                else:
                    self.watch(pipe)
            self.heeded.notify_all()

    # -- bytes

    def run(self):
        while not self.ending:
            for key, events in self.selector.select():
                end = key.fileobj
                if end is self.bell:
                    self.heed()
                elif end in self.listeners:
                    self.accept(end)
                elif end in self.pipes:  # an event before this one may have dropped it
                    self.move(end, events)

    def accept(self, listener):
        try:
            client, _ = listener.accept()
        except OSError:
            return
        pipe = Pipe(client, socket.socket())
        if self.mode == "cut":
            pipe.reset()
            return
        pipe.is_muted = self.mode == "mute"
        pipe.broker.setblocking(False)
        pipe.broker.connect_ex(("127.0.0.1", self.targets[self.listeners.index(listener)]))
        client.setblocking(False)
        for end in (pipe.client, pipe.broker):
            self.pipes[end] = pipe
        self.watch(pipe)

    def drop(self, pipe):
        for end in (pipe.client, pipe.broker):
            del self.pipes[end]
            with contextlib.suppress(KeyError):
                self.selector.unregister(end)
        pipe.reset()

    def watch(self, pipe):
        """Whatever may come and go: nothing while the network hangs, nor more than somebody takes."""
        for end in (pipe.client, pipe.broker):
            reads = self.mode != "hang" and len(pipe.held[pipe.other(end)]) < HELD_AT_MOST
            writes = self.mode != "hang" and pipe.held[end] != b""
            events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
            with contextlib.suppress(KeyError):
                self.selector.unregister(end)
            if events:
                self.selector.register(end, events)

    def move(self, end, events):
        pipe = self.pipes[end]
        try:
            if events & selectors.EVENT_WRITE:
                pipe.held[end] = pipe.held[end][end.send(pipe.held[end]):]
            if events & selectors.EVENT_READ:
                data = end.recv(CHUNK)
                if not data:
                    raise ConnectionResetError
                if end is pipe.client or not pipe.is_muted:
                    pipe.held[pipe.other(end)] += data
        except BlockingIOError:
            pass
        except OSError:
            self.drop(pipe)
            return
        self.watch(pipe)
