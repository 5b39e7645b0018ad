"""Runs uvicorn on a listening socket that the supervisor holds: `python -m frontier_app.embedded.web DESCRIPTOR`.

Because the socket outlives the server, a browser that asks while the server starts (again) waits instead of failing.
"""

import socket
import sys

import uvicorn


def main(descriptor: int) -> None:
    listening = socket.socket(fileno=descriptor)
    config = uvicorn.Config(
        "frontier_app.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ws_max_size=1 << 16,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(int(sys.argv[1]))
