"""Access control: the table of roles, who is signed in, and the checks at the server's entry points."""
