"""The tests of wlf."""
