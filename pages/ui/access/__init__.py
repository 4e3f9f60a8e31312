"""Who may do what: the table of roles, who is signed in, and the doors of the server."""
