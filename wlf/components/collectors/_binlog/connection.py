"""Connections to the server by PyMySQL: authentication, TLS, and which failures are worth another try."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any

import pymysql
from pymysql.connections import Connection

from wlf.components.collectors._binlog.grants import ASK, grant
from wlf.components.collectors._binlog.options import BinlogConfig, TlsOptions
from wlf.errors import ComponentError, Retryable, SetupError

_TLS_NOT_OFFERED = 2026
_NO_PRIVILEGE = 1227

# Error numbers of the server (errmsg-utf8.txt) after which another try cannot help.
_REFUSED: Mapping[int, str] = {
    1044: "check `user` and its privileges",
    1045: "check `user` and `password`, and whether the account demands TLS (`tls: {mode: required}`)",
    1130: "the account must be allowed to connect from this host: CREATE USER 'name'@'%'",
    1142: "the account lacks a privilege",
    1227: "the account lacks a privilege",
    1251: "the account uses an authentication method that is not supported here",
    1524: "the account's authentication plugin is not loaded on the server",
    1698: "the account logs in over the Unix socket only: set `unix_socket`, or give it a password",
    3159: "the server demands TLS: set `tls: {mode: required}`",
    4151: "the account is locked or its authentication is not supported here",
}


def connect(config: BinlogConfig) -> Connection[Any]:
    """A connection with autocommit, so that no idle transaction of ours pins the server's history.

    Blocks for at most `connect_timeout_ms` a step; call it in a thread.

    Raises:
        SetupError: wrong account, TLS that cannot be had, untrusted certificate.
        Retryable: the server is not there.
    """
    try:
        return _connect_encrypted(config)
    except pymysql.err.MySQLError as error:
        raise refine(error, f"cannot connect to {config.address}") from error
    except ssl.SSLError as error:
        raise SetupError(f"cannot connect to {config.address}: {error}", hint="check `tls`") from error
    except RuntimeError as error:  # PyMySQL: 'cryptography' package is required for caching_sha2_password
        raise SetupError(f"cannot connect to {config.address}: {error}", hint='pip install "wlf[mysql]"') from error
    except UnicodeDecodeError as error:
        raise Retryable(f"cannot connect to {config.address}: what answers there is no MySQL server") from error


def _connect_encrypted(config: BinlogConfig) -> Connection[Any]:
    mode = config.tls.mode
    # A Unix socket needs no TLS, and some servers refuse it there.
    if mode == "disabled" or (mode == "preferred" and config.unix_socket):
        return _open(config, None)
    try:
        connection = _open(config, tls_context(config.tls))
    except pymysql.err.OperationalError as error:
        if error.args[0] != _TLS_NOT_OFFERED:
            raise
        if mode == "preferred":
            return _open(config, None)
        raise _offers_no_tls(config) from error
    if mode != "preferred" and not isinstance(socket_of(connection), ssl.SSLSocket):
        connection.close()
        raise _offers_no_tls(config)
    return connection


def _offers_no_tls(config: BinlogConfig) -> SetupError:
    return SetupError(
        f"{config.address}: the server offers no TLS, which `tls: {{mode: {config.tls.mode}}}` asks for",
        hint="give the server a certificate (ssl_cert, ssl_key), or set `tls: {mode: preferred}`",
    )


def _open(config: BinlogConfig, context: ssl.SSLContext | None) -> Connection[Any]:
    timeout = config.connect_timeout_ms / 1000
    return pymysql.connect(
        host=config.host or "127.0.0.1",
        port=config.port,
        unix_socket=config.unix_socket,
        user=config.user,
        # As bytes: PyMySQL would encode a text as latin1.
        password=config.password.reveal().encode(),
        connect_timeout=timeout,
        read_timeout=timeout,
        write_timeout=timeout,
        charset="utf8mb4",
        autocommit=True,
        # PyMySQL takes the greeting's word for it, where MySQL says yes even with autocommit = 0 for new sessions.
        init_command="SET SESSION autocommit = 1",
        program_name="wlf",
        ssl=context,
        ssl_disabled=context is None,
    )


def tls_context(options: TlsOptions) -> ssl.SSLContext:
    """The TLS settings of a mode.

    Raises:
        SetupError: a certificate file is missing or none.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
        if options.cert is not None:
            context.load_cert_chain(options.cert, options.key)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"cannot load the certificates of `tls`: {error}", hint="check ca, cert and key") from error
    # The certificates that MySQL makes for itself lack what strict checks ask for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = options.mode == "verify_identity"
    context.verify_mode = ssl.CERT_REQUIRED if options.mode.startswith("verify") else ssl.CERT_NONE
    return context


def refine(error: pymysql.err.MySQLError, doing: str) -> ComponentError:
    """The error to raise in place of a PyMySQL one: SetupError where the server refuses, else Retryable."""
    code = error.args[0] if error.args else 0
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SetupError(f"{doing}: {cause.verify_message}", hint="check `tls.ca`, or choose another `tls.mode`")
    if isinstance(cause, ssl.SSLError) or code == _TLS_NOT_OFFERED:
        return SetupError(f"{doing}: {text}", hint="check `tls`")
    if isinstance(cause, OSError):
        return Retryable(f"{doing}: {cause.strerror or cause}")
    if code in _REFUSED:
        return SetupError(f"{doing}: {text} ({code})", hint=_REFUSED[code])
    return Retryable(f"{doing}: {text} ({code})")


def socket_of(connection: Any) -> socket.socket | ssl.SSLSocket:
    """The socket under a PyMySQL connection, which has no public name."""
    found: socket.socket = connection._sock
    return found


def take_socket(connection: Any) -> socket.socket | ssl.SSLSocket:
    """Take the socket away from a connection that is between two commands: then nothing lies in its read buffer."""
    taken = socket_of(connection)
    connection._sock = connection._rfile = None
    return taken


def query(connection: Connection[Any], sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
    """The rows of one statement.

    Raises:
        SetupError: the privilege is missing.
        Retryable: the connection broke.
        pymysql.err.MySQLError: the statement itself is wrong on this server.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())
    except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
        if error.args and error.args[0] in (1193, 1064):  # unknown variable, unknown statement
            raise
        refined = refine(error, f"{sql.split('(')[0].strip()} failed")
        if error.args and error.args[0] == _NO_PRIVILEGE:
            refined.hint = _grant(connection) or refined.hint
        raise refined from error


def _grant(connection: Connection[Any]) -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute(ASK)
            version, account = cursor.fetchall()[0]
    except pymysql.err.Error:
        return ""
    return grant(str(version), str(account))
