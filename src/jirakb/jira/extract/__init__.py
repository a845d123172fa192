"""The text of files: what the bytes of an attachment say, found out in a process of its own."""
