"""Where the serving certificate comes from: files, a Secret, a request that somebody approves, or an authority of our own."""
