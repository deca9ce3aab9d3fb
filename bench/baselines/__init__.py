"""What Toby is compared with: each file is the shortest honest way to do the same."""
