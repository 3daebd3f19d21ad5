"""The engine of the `ipv6` meter: every state on the way from a router's advertisement to a page, each by itself."""
