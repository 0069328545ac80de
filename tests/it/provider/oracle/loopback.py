"""A server on loopback in the same process: keeps the requests, sends the answer it was told to send."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# A proxy, a key or a server of the one who runs this is not meant here.
for name in [*os.environ]:
    if name.upper().endswith("_PROXY") or name.startswith(("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "OLLAMA_")):
        del os.environ[name]


class Answer:
    """What is sent: a status, a media type and the body in pieces, each a chunk of its own on the wire."""

    def __init__(self, content_type, pieces, status=200, headers=None):
        self.content_type = content_type
        self.pieces = [piece for piece in pieces if piece]
        self.status = status
        self.headers = headers or {}


class Loopback:
    """Answers every POST with `answer`; `requests` are those that came since it was last emptied."""

    def __init__(self):
        self.answer = None
        self.requests = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                split = urlsplit(self.path)
                owner.requests.append(
                    {
                        "method": self.command,
                        "path": split.path,
                        "query": split.query,
                        "headers": {name.lower(): value for name, value in self.headers.items()},
                        "body": json.loads(body),
                    }
                )
                answer = owner.answer
                self.send_response(answer.status)
                self.send_header("content-type", answer.content_type)
                self.send_header("transfer-encoding", "chunked")
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in answer.pieces:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client may go away before it has read everything."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
