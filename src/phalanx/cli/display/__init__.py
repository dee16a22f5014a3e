"""What a person or a program reads: tables, lines, amounts, lists of the server's."""
