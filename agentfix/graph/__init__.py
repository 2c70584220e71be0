"""The machine: one graph whose hub is the strategy. Knows no particular model, tool, critic, strategy or sandbox."""
