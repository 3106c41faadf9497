"""The Elasticsearch dispatcher's parts: options, bulk operations, replies, and the session that sends them."""
