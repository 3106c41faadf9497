"""Runs a plan: reads, transforms, delivers, and remembers how far every dispatcher has come."""
