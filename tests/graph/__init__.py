"""Tests of wlf.graph."""
