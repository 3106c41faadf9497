"""A test for each complaint that users have about other tools; README.md says which holds which."""
