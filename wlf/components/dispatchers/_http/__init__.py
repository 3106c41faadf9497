"""The HTTP dispatcher's parts: options, addresses, answers, the session, and one batch on its way."""
