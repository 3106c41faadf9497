"""The version of wlf."""

__version__ = "0.1.0"
