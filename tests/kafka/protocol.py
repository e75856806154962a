"""A few requests of Kafka's protocol over a plain socket: enough to see that a broker answers, to make topics for a test, to fence."""
import socket
import struct

API_METADATA, API_API_VERSIONS, API_CREATE_TOPICS, API_INIT_PRODUCER_ID = 3, 18, 19, 22


class ProtocolError(Exception):
    pass


def _string(text):
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def _nullable(text):
    return struct.pack(">h", -1) if text is None else _string(text)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, kind):
        (value,) = struct.unpack_from(">" + kind, self.data, self.at)
        self.at += struct.calcsize(">" + kind)
        return value

    def string(self):
        length = self.read("h")
        if length < 0:
            return None
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def array(self, element):
        return [element() for _ in range(max(0, self.read("i")))]


def _receive(connection, length):
    data = b""
    while len(data) < length:
        chunk = connection.recv(length - len(data))
        if not chunk:
            raise ProtocolError("the broker closed the connection")
        data += chunk
    return data


def request(address, api, version, body, timeout=5.0):
    """One request on a connection of its own; address is host:port. Answers a reader of the response's body."""
    host, port = address.rsplit(":", 1)
    header = struct.pack(">hhi", api, version, 1) + _string("kstreams-tests")
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        (length,) = struct.unpack(">i", _receive(connection, 4))
        reader = _Reader(_receive(connection, length))
    if reader.read("i") != 1:
        raise ProtocolError("the response answers another request")
    return reader


def api_versions(address, timeout=5.0):
    """{API key: (lowest, highest version)}"""
    reader = request(address, API_API_VERSIONS, 0, b"", timeout)
    error = reader.read("h")
    if error:
        raise ProtocolError(f"ApiVersions: error {error}")
    return {key: (low, high) for key, low, high in
            reader.array(lambda: (reader.read("h"), reader.read("h"), reader.read("h")))}


def metadata(address, timeout=5.0):
    """What the broker knows: {"brokers": {id: address}, "topics": {name: {partition: leader}}}"""
    reader = request(address, API_METADATA, 4, struct.pack(">i?", -1, False), timeout)
    reader.read("i")

    def broker():
        node, host, port = reader.read("i"), reader.string(), reader.read("i")
        reader.string()
        return node, f"{host}:{port}"

    def partition():
        reader.read("h")
        number, leader = reader.read("i"), reader.read("i")
        reader.array(lambda: reader.read("i"))
        reader.array(lambda: reader.read("i"))
        return number, leader

    def topic():
        reader.read("h")
        name = reader.string()
        reader.read("?")
        return name, dict(reader.array(partition))

    brokers = dict(reader.array(broker))
    reader.string()
    reader.read("i")
    return {"brokers": brokers, "topics": dict(reader.array(topic))}


def create_topic(address, name, partitions=1, replicas=-1, configs=None, timeout=30.0):
    """Makes a topic. Without replicas it gets what the broker has as its default."""
    settings = b"".join(_string(key) + _nullable(str(value)) for key, value in (configs or {}).items())
    body = struct.pack(">i", 1) + _string(name) + struct.pack(">ihi", partitions, replicas, 0)
    body += struct.pack(">i", len(configs or {})) + settings + struct.pack(">i?", int(timeout * 1000), False)
    reader = request(address, API_CREATE_TOPICS, 4, body, timeout)
    reader.read("i")
    for created, error, message in reader.array(lambda: (reader.string(), reader.read("h"), reader.string())):
        if error:
            raise ProtocolError(f"CreateTopics: {created}: error {error}: {message}")


def fence(address, transactional_id, timeout=30.0):
    """Begins as another producer of this id, and answers its epoch: 0 when there was none before. The broker has to be its coordinator."""
    reader = request(address, API_INIT_PRODUCER_ID, 1, _string(transactional_id) + struct.pack(">i", 60000), timeout)
    reader.read("i")
    error, _, epoch = reader.read("h"), reader.read("q"), reader.read("h")
    if error:
        raise ProtocolError(f"InitProducerId: {transactional_id}: error {error}")
    return epoch
