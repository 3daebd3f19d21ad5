"""The far end: LibreSpeed's HTTP endpoints for any client of that family, and what arrived for ours."""
