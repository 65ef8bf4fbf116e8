"""One module per oceanctl command."""
