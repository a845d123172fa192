"""The derived indexes: words, vectors and filter columns, all made from the truth and made again when lost."""
