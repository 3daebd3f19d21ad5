"""Watching nodes of the network: is each one up, since when not, and what is worth telling about it."""
