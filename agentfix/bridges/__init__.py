"""Bridges to what others evaluate with: one module each, imported by name, with its package as an extra."""
