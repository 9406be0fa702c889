"""A real DNS server on this machine, with the zones of a test, which can also hang, lie and truncate."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from dnslib import QTYPE, RCODE, RR, DNSHeader, DNSQuestion, DNSRecord

Answer = Callable[[DNSRecord, bool], bytes | None]  # of a question, over TCP or not; None: no answer


@dataclass
class Zones:
    """What the server knows: lines as in a zone file, and names that it treats otherwise."""

    records: list[RR] = field(default_factory=list)
    odd: dict[str, Answer] = field(default_factory=dict)
    all_odd: Answer | None = None  # whatever is asked
    asked: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        """Add records."""
        for line in lines:
            self.records += RR.fromZone(line)

    def drop(self, name: str, kind: str) -> None:
        """Remove the records of a name and kind."""
        self.records = [
            it for it in self.records if not (str(it.rname).lower() == f"{name}." and QTYPE[it.rtype] == kind)
        ]

    def answer(self, packet: bytes, *, tcp: bool) -> bytes | None:
        """Return the answer to a packet; None: none."""
        question = DNSRecord.parse(packet)
        name = str(question.q.qname).lower().rstrip(".")
        self.asked.append(f"{QTYPE[question.q.qtype]} {name}")
        odd = self.all_odd or self.odd.get(name)
        return self.right(question) if odd is None else odd(question, tcp)

    def right(self, question: DNSRecord) -> bytes:
        """Return the right answer."""
        reply = question.reply()
        named = [it for it in self.records if str(it.rname).lower() == str(question.q.qname).lower()]
        for it in named:
            if it.rtype == question.q.qtype:
                reply.add_answer(it)
        if not named:
            reply.header.rcode = RCODE.NXDOMAIN
        return bytes(reply.pack())


def hangs(_question: DNSRecord, _tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Never answer."""
    return None


def answers_another(question: DNSRecord, _tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Answer what nobody asked."""
    other = DNSRecord(DNSHeader(id=question.header.id, qr=1, ra=1), q=DNSQuestion("evil.example", QTYPE.TXT))
    other.add_answer(*RR.fromZone('evil.example. 60 IN TXT "v=spf1 +all"'))
    return bytes(other.pack())


def lies_about_the_name(question: DNSRecord, _tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Answer the question with records of another name."""
    reply = question.reply()
    reply.add_answer(*RR.fromZone('evil.example. 60 IN TXT "v=spf1 +all"'))
    return bytes(reply.pack())


def has_another_id(question: DNSRecord, _tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Answer somebody else."""
    reply = question.reply()
    reply.header.id = question.header.id ^ 0xFFFF
    return bytes(reply.pack())


def says_garbage(question: DNSRecord, _tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Send bytes that begin like an answer."""
    return struct.pack("!H", question.header.id) + b"\x81\x80" + b"\xff" * 90


def truncates_for_ever(question: DNSRecord, tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Say that the answer is too long, and give none over TCP."""
    if tcp:
        return b""
    reply = question.reply()
    reply.header.tc = 1
    return bytes(reply.pack())


def refuses(question: DNSRecord, _tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
    """Refuse."""
    reply = question.reply()
    reply.header.rcode = RCODE.SERVFAIL
    return bytes(reply.pack())


def truncated(zones: Zones) -> Answer:
    """Return the answer of a server that truncates over UDP and tells all over TCP (RFC 7766)."""

    def answer(question: DNSRecord, tcp: bool) -> bytes | None:  # noqa: FBT001 - as Answer is
        return zones.right(question) if tcp else truncates_for_ever(question, tcp)

    return answer


@contextmanager
def dns_server(zones: Zones) -> Iterator[str]:
    """Serve zones over UDP and TCP on one port of this machine; yield ADDRESS:PORT."""
    with _two_sockets() as (udp, tcp):
        port = udp.getsockname()[1]
        threading.Thread(target=_serve_udp, args=(udp, zones), daemon=True).start()
        threading.Thread(target=_serve_tcp, args=(tcp, zones), daemon=True).start()
        yield f"127.0.0.1:{port}"


@contextmanager
def _two_sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    while True:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        except OSError:  # somebody has that number over UDP
            udp.close()
            tcp.close()
            continue
        break
    try:
        yield udp, tcp
    finally:
        with suppress(OSError):
            tcp.shutdown(socket.SHUT_RDWR)
        tcp.close()
        with suppress(OSError):
            udp.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a packet
        udp.close()


def _serve_udp(listening: socket.socket, zones: Zones) -> None:
    while True:
        try:
            packet, sender = listening.recvfrom(4_096)
        except OSError:
            return
        if not packet:
            return
        threading.Thread(target=_answer_udp, args=(listening, packet, sender, zones), daemon=True).start()


def _answer_udp(listening: socket.socket, packet: bytes, sender: tuple[str, int], zones: Zones) -> None:
    reply = zones.answer(packet, tcp=False)
    if reply is not None:
        with suppress(OSError):
            listening.sendto(reply, sender)


def _serve_tcp(listening: socket.socket, zones: Zones) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer_tcp, args=(connection, zones), daemon=True).start()


def _answer_tcp(connection: socket.socket, zones: Zones) -> None:
    with connection, suppress(OSError, struct.error):
        connection.settimeout(5)
        (length,) = struct.unpack("!H", connection.recv(2))
        packet = b""
        while len(packet) < length:
            packet += connection.recv(length - len(packet))
        reply = zones.answer(packet, tcp=True)
        if reply:
            connection.sendall(struct.pack("!H", len(reply)) + reply)
