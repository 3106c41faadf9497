"""TLS options, the same for every client that speaks TLS by Python's own ssl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from wlf.components.config import Secret
from wlf.errors import SetupError

if TYPE_CHECKING:
    import ssl


class TlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a server is verified, and how wlf shows who it is."""

    ca: Annotated[
        str | None, Meta(description="file with the certificates (PEM) to trust; default: those of the system")
    ] = None
    cert: Annotated[str | None, Meta(description="file with the client's own certificate (PEM)")] = None
    key: Annotated[str | None, Meta(description="file with the key of `cert` (PEM); default: it is in `cert`")] = None
    key_password: Annotated[Secret | None, Meta(description="password of an encrypted `key`")] = None
    verify: Annotated[bool, Meta(description="check the server's certificate and host name")] = True


def ssl_context(tls: TlsConfig | bool) -> ssl.SSLContext | None:
    """The context for `tls: true`, `tls: {...}`, or None for `tls: false`.

    Raises:
        SetupError: a file is missing, is no PEM, or key and certificate do not belong together.
    """
    if tls is False:
        return None
    import ssl  # here, because a config that only is checked needs none of it

    options = TlsConfig() if tls is True else tls
    try:
        context = ssl.create_default_context(cafile=options.ca)
        if options.cert is not None:
            password = options.key_password.reveal() if options.key_password is not None else ""
            context.load_cert_chain(options.cert, options.key, password)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(file for file in (options.ca, options.cert, options.key) if file)
        raise SetupError(f"tls: cannot load {files}: {error.strerror or error}") from error
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def certificate_refused(error: BaseException | None) -> bool:
    """Did a connection fail because the server's certificate was not trusted? Trying again cannot mend that."""
    import ssl

    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
