"""What probe and collector agree on: the contract on the wire, its words and its errors. Standard library only."""

__version__ = "0.1.0"
