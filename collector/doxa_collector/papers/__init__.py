"""Papers: drafts of the documents that an office signs, from data to DOCX, PDF, XLSX, CSV and JSON.

`model` is a document without a format, `drafts/` are pure functions from small records to a document, one kind a file,
`forms/` turn a document into bytes, one format a file. The same input gives the same bytes, always: nothing here reads a
clock, the ledger or the network. Number, date and signature stay blank: people fill them in.

A paper is written in Vietnamese only, for it follows the form of a Vietnamese state document; errors speak both languages.
"""
