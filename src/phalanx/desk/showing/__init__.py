"""What the desk shows while it works: rows and messages on topics that anybody may follow."""
