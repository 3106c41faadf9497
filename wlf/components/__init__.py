"""Collectors, transformers and dispatchers: one file each, imported only when a graph names it."""
