"""Follows files that grow, are rotated, copied, compressed and removed; what stands in them others know."""
