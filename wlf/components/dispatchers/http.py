"""HTTP: batches of events as the bodies of requests, to one address or to one for each table."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from wlf.components.base import Context, Dispatcher, Outgoing, Partial
from wlf.components.dispatchers._http.addresses import Addresses
from wlf.components.dispatchers._http.options import HttpConfig

if TYPE_CHECKING:
    from wlf.components.dispatchers._http.delivery import Pace
    from wlf.components.dispatchers._http.session import Session

if find_spec("aiohttp") is None:  # said here, for only a run imports it, which takes a while
    raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")


class HttpDispatcher(Dispatcher):
    """Sends events in the bodies of HTTP requests, as lines of JSON or as a JSON array.

    Delivered means a status from 200 to 299. Other answers than that: 408, 425, 429 and all from 500 on are tried
    again, after the time that `Retry-After` names; a request with another 4xx is sent in halves until the event that is
    refused stands alone, so that it takes no other along.
    """

    type_name: ClassVar[str] = "HTTP"
    Config = HttpConfig
    config: HttpConfig

    def __init__(self, config: HttpConfig, context: Context) -> None:
        super().__init__(config, context)
        self._addresses = Addresses(config)
        self._session: Session | None = None
        self._pace: Pace | None = None

    @classmethod
    def describe_guarantee(cls, config: HttpConfig) -> str:
        """What a user may rely on."""
        if config.idempotency_key:
            return "at least once; a request that is sent again has the same Idempotency-Key"
        return "at least once; a request whose answer was lost is sent again"

    async def open(self) -> None:
        """Get ready to connect; nothing is asked, for there is no question that every server answers.

        Raises:
            SetupError: the files of `tls` cannot be used.
        """
        from wlf.components.dispatchers._http.delivery import Pace
        from wlf.components.dispatchers._http.session import Session

        if self._session is None:
            self._session = Session(self.config, self.context.clock.time)
            self._pace = Pace()

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver one batch: a request for each address, more where `max_body_bytes` or the server wants it.

        Raises:
            SetupError: the login or the address is wrong, or the certificate is not trusted.
        """
        from wlf.components.dispatchers._http.delivery import Delivery

        assert self._session is not None, "open() comes first"
        assert self._pace is not None
        delivery = Delivery(self.config, self._session, self._pace, batch, self.context.clock.monotonic)
        for url, indices in self._addresses.groups(batch.events, delivery.rejected).items():
            await delivery.run(url, indices)
        return delivery.outcome()

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
