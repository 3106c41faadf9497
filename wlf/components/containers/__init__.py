"""What the logs of containers have in common, whichever engine wrote them."""
