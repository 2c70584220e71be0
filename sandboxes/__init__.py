"""What sandbox images are made of."""
