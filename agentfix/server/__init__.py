"""An OpenAI-compatible API in front of an agent: existing clients get checked answers by changing their base URL."""
