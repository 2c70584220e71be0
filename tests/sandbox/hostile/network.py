"""The way out."""

from __future__ import annotations

from tests.sandbox.hostile.program import Hostile, attempts

PROGRAMS = [
    attempts("connects to the world", {
        "socket.create_connection(('1.1.1.1', 53), 5)": "ENETUNREACH",
        "socket.create_connection(('169.254.169.254', 80), 5)": "ENETUNREACH",
        "socket.create_connection(('172.17.0.1', 22), 5)": "ENETUNREACH",
        "socket.create_connection(('10.0.2.2', 22), 5)": "ENETUNREACH",
        "socket.create_connection(('127.0.0.1', 22), 5)": "ECONNREFUSED",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))": "ENETUNREACH",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('255.255.255.255', 9))": "ENETUNREACH|EACCES",
    }),
    Hostile("connects to the world over IPv6", """
import socket
answer = []
for address in ('2606:4700:4700::1111', 'fe80::1', 'ff02::1'):
    try:
        socket.create_connection((address, 53), 5)
        answer.append(address)
    except OSError:
        pass
""", value=[]),
    Hostile("asks for names", """
import socket
answer = []
for name in ('example.com', 'host.docker.internal', 'gateway.docker.internal', 'metadata.google.internal'):
    try:
        answer.append(socket.getaddrinfo(name, 80))
    except socket.gaierror:
        pass
""", value=[]),
    Hostile("looks for interfaces", "import os\nanswer = os.listdir('/sys/class/net')", embedded="error", value=["lo"]),
    Hostile("looks for sockets of others", """
answer = [line.split()[-1] for line in open('/proc/net/unix').readlines()[1:] if '/' in line or '@' in line]
""", embedded="error", value=[]),
    Hostile("leaves a server behind", """
import os, socket, time
server = socket.create_server(('127.0.0.1', 8765))
local = socket.socket(socket.AF_UNIX)
local.bind('\\0local')
local.listen()
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
answer = 1
""", value=1),
    Hostile("opens all the sockets it can", """
import socket
sockets = []
try:
    while True:
        sockets.extend(socket.socketpair())
except OSError:
    answer = len(sockets) < 256
""", value=True),
    Hostile("hides descriptors in sockets that hold each other", """
import array, socket
for _ in range(50):
    a, b = socket.socketpair()
    try:
        a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [a.fileno(), b.fileno()]))])
    except OSError:
        break
answer = 1
""", value=1),
]
