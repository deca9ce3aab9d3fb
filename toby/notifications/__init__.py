"""What people are told: facts, items and inboxes with a sync token, by REST and WebSocket."""
