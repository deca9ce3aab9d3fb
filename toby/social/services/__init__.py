"""What can happen in the social service; nothing else writes its rows."""
