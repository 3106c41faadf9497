"""The HTTP dispatcher's parts: options, addresses, idempotency keys, answers, the session, and one batch on its way."""
