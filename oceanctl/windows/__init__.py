"""The windows of policies as a person, a program or a calendar reads them; pure."""
