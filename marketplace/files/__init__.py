"""Files that people hand in: what they really are, where they are kept, what the virus scanner says, what can be read of them."""
