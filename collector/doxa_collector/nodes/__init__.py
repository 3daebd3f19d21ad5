"""The nodes of the network and who is behind whom (nodes.toml)."""
