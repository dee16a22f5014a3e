"""Finding instruments by what people type: words, an index of them, and the ranks of what is found."""
