"""A certificate of our own for 127.0.0.1, for servers that speak TLS in tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

SUBJECT = ["-subj", "/CN=wlf test", "-addext", "subjectAltName=IP:127.0.0.1"]


def certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) as PEM files in `folder`; the certificate is its own authority."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", *kind, "-keyout", str(key), "-out", str(cert), *SUBJECT]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key
