"""A store that lets nobody in, and says of whom it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.object_storage.processes import SECRET_VALUES

# As S3 answers a token that it does not know: with the token, and with the key that it came with.
ANSWER = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>InvalidToken</Code>"
    "<Message>The provided token is malformed or otherwise invalid.</Message>"
    f"<Token-0>{SECRET_VALUES['AWS_SESSION_TOKEN']}</Token-0>"
    f"<AWSAccessKeyId>{SECRET_VALUES['AWS_ACCESS_KEY_ID']}</AWSAccessKeyId></Error>"
).encode()


class Refusal(BaseHTTPRequestHandler):
    """403 to whatever may be answered with a body; what a HEAD asks for is not there."""

    def _refuse(self) -> None:
        body = b"" if self.command == "HEAD" else ANSWER
        self.send_response(403 if body else 404)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _refuse  # noqa: N815 - names of HTTP's verbs

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Says nothing: what is searched for secrets is what the driver wrote."""


@contextmanager
def refusing_store() -> Iterator[str]:
    """The URL of one, on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
