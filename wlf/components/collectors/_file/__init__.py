"""What the File collector is made of."""
