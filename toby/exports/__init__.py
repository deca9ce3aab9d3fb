"""What Toby knows of a person, as a ZIP of JSON: made in the background, for its owner alone.

Two services have one each, in their own database; EXPORTS of the settings names what it holds.
"""
