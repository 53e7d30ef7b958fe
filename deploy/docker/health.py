"""The server of this container → exit code 0 while it is ready. Needs nothing but Python.

Port and certificate are those of the settings: the environment's, or else those of the file that
SATSEEK_CONFIG names. A port that is named is that of a worker's figures, which has no certificate.
"""

import http.client
import os
import ssl
import sys
import tomllib
from pathlib import Path


def setting(name: str) -> str | None:
    """Read a setting as the server does; what is empty in the environment is not set there."""
    if value := os.environ.get(f"SATSEEK_{name.upper()}"):
        return value
    file = os.environ.get("SATSEEK_CONFIG")
    value = tomllib.loads(Path(file).read_text(encoding="utf-8")).get(name) if file else None
    return None if value is None else str(value)


port = int(sys.argv[1] if sys.argv[1:] else setting("port") or 7860)
asked = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
if not sys.argv[1:] and setting("tls_cert_file"):
    # whoever asks is the server itself: its certificate names another host than this one
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    asked = http.client.HTTPSConnection("127.0.0.1", port, timeout=4, context=context)
try:
    asked.request("GET", "/readyz")
    answer = asked.getresponse()
except OSError as error:
    sys.exit(f"127.0.0.1:{port} does not answer: {error}")
if answer.status != http.client.OK:
    sys.exit(f"not ready: {answer.status} {answer.read(300).decode(errors='replace')}")
