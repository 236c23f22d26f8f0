"""No network while tests run: a connection or a look-up that would leave this machine raises `NoNetwork`.

`conftest.py` runs this file, and puts its folder into PYTHONPATH: so every Python that a test starts runs it too."""
import os
import sys

HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::")     # the last two: all addresses of this machine


class NoNetwork(OSError):
    "A test, or what it runs, asked for the network"


def host_of(event, args):
    "The host that a call of the socket module asks for; None where it asks for none"
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        return address[0] if isinstance(address, tuple) else None      # Unix sockets have a path
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"): return args[0]
    if event == "socket.getnameinfo": return args[0][0]


def refuse(event, args):
    "Called by Python at each event that can be audited, whoever causes it"
    if not event.startswith("socket."): return
    host = host_of(event, args)
    if isinstance(host, (bytes, bytearray)): host = bytes(host).decode("latin1")
    if host and host not in HERE: raise NoNetwork(f"no network in tests: {event} to {host!r}")


if not hasattr(sys, "_tests_are_offline"):
    sys._tests_are_offline = True
    sys.addaudithook(refuse)

os.environ.update(HF_HUB_OFFLINE="1")       # the public hub's clients need not try
