"""`agentfix plugins`: what plugins there are, what they bring, and how to make, check and switch them."""
