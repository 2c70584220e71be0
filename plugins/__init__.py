"""The first-party plugins. Each is registered through the entry-point group that any other plugin uses."""
