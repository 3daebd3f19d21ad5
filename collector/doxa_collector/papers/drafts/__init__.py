"""The papers, one kind a file: records that hold the data, and a pure function from them to a document."""
