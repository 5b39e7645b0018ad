"""A server that speaks OpenAI's chat interface, answers after a script and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-a-secret-of-alice"
MODEL = "policy"


def reply(text, *, finish="stop", tokens=3):
    drawn = {"content": [{"token": "x", "logprob": -0.5}] * tokens}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "logprobs": drawn}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": tokens}}


class ModelServer(ThreadingHTTPServer):
    """`answer`: the request's body -> the reply. `trouble`: what the first requests meet instead, one each: a status, a
    (status, headers) pair, bytes sent as they are with status 200, "cut" or "cut midway"; they are used up."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[dict], dict] | None = None, trouble=(), seconds=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer or (lambda body: reply(f"{body['messages'][-1]['content']} {body['seed']}"))
        self.trouble, self.seconds = list(trouble), seconds
        self.asked: list[dict] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that went away is part of the game."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send(200, json.dumps({"data": [{"id": MODEL}]}).encode())

    def do_POST(self):
        server: ModelServer = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.asked.append(body)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
            trouble = server.trouble.pop(0) if server.trouble else None
        time.sleep(server.seconds)
        with server.lock:
            server.at_once -= 1
        if trouble is not None:
            self.meet(trouble)
        elif self.headers["Authorization"] != f"Bearer {KEY}":
            self.refuse(401, f"Incorrect API key provided: {self.headers['Authorization'].removeprefix('Bearer ')}.")
        elif body["model"] != MODEL:
            self.refuse(404, "The model does not exist.")
        else:
            self.send(200, json.dumps(server.answer(body)).encode())

    def meet(self, trouble):
        if isinstance(trouble, bytes):
            self.send(200, trouble)
        elif trouble == "cut":
            self.close_connection = True
        elif trouble == "cut midway":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
        else:
            status, headers = trouble if isinstance(trouble, tuple) else (trouble, {})
            self.refuse(status, "not now", headers)

    def refuse(self, status, message, headers=()):
        self.send(status, json.dumps({"error": {"message": message}}).encode(), headers)

    def send(self, status, content, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
