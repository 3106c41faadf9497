"""What is done to events on their way."""
