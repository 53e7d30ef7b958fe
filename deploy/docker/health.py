"""The server of this container → exit code 0 while it is ready. Needs nothing but Python.

A port may be named, such as that of a worker's figures; else it is that of the settings.
"""

import http.client
import os
import ssl
import sys

port = int(sys.argv[1] if sys.argv[1:] else os.environ.get("SATSEEK_PORT") or 7860)
if os.environ.get("SATSEEK_TLS_CERT_FILE"):
    # whoever asks is the server itself: its certificate names another host than this one
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    asked: http.client.HTTPConnection = http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=4, context=context
    )
else:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
try:
    asked.request("GET", "/readyz")
    answer = asked.getresponse()
except OSError as error:
    sys.exit(f"127.0.0.1:{port} does not answer: {error}")
if answer.status != http.client.OK:
    sys.exit(f"not ready: {answer.status} {answer.read(300).decode(errors='replace')}")
