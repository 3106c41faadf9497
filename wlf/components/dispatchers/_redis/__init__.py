"""Parts of the Redis dispatcher that need no connection."""
