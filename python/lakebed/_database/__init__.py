"""Databases: connections to them, rows out of them and rows into them."""
