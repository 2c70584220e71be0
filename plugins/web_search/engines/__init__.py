"""The search engines of the web that come with agentfix, each a `agentfix.WebEngine`."""
