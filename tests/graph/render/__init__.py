"""Tests of wlf.graph.render."""
