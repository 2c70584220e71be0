"""The `openai` backend: any endpoint that speaks OpenAI's chat completions."""
