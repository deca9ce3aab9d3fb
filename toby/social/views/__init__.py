"""The social service's endpoints, in the same modules as their serializers."""
