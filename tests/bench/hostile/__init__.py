"""What strangers may do to a server: malformed requests, and crowds that leave at any moment."""
