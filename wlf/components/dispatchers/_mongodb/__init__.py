"""The MongoDB dispatcher's parts: options, values, write operations, what errors mean, and the connection."""
