"""Questions to a DNS server and what is made of the answers: a small, strict codec, the exchange, the judgement."""
