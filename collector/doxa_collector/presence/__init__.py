"""Whether each probe is there, and if not, why: from last wills, heartbeats, and how the broker and we ourselves do."""
