"""UDPSTP (RFC 9946): the packets, the rate table, the searches, sender and receiver, client and server."""
