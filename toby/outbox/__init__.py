"""The transactional outbox: events are rows, committed with what they tell of, then sent on."""
