"""Where a kiosk finds its updates in the tests: a server of its operator's behind TLS, whose authority nobody else knows."""

import functools
import http.server
import pathlib
import ssl
import subprocess
import threading

from hall import HOST


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves one directory, and notes what was asked for."""

    def log_message(self, format, *arguments):  # noqa: A002 the name is that of the library
        self.server.asked.append(format % arguments)


class UpdateServer:
    """A directory behind HTTPS on this machine, as a guest reaches it, with a certificate of an authority of its own."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        kept = self.directory.parent / "updates-keys"
        kept.mkdir(exist_ok=True)
        self.authority = self._keys(kept)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(self.directory)))
        self.server.asked = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(kept / "server.pem", kept / "server.key")
        # The handshake is made in the thread of the connection, so that one that hangs holds up nobody.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def _keys(kept):
        """A new authority and the server's certificate by it; the authority as PEM."""
        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=kept)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=updates of the tests")
        openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=updates")
        (kept / "names").write_text(f"subjectAltName=IP:{HOST}\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names", "-out", "server.pem")
        return (kept / "ca.pem").read_text()

    def address(self, name):
        """Of a file of the directory, for the kiosk."""
        return f"https://{HOST}:{self.server.server_address[1]}/{name}"

    @property
    def asked(self):
        """What was asked for, with the answers' codes."""
        return list(self.server.asked)

    def close(self):
        self.server.shutdown()
