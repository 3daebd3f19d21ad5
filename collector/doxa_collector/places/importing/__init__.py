"""Importing the official list: a CSV or XLSX file, read strictly, compared with the table, written as an overlay."""
