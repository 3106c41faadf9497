"""The parts of Encryptor: keys, the cipher with its tokens, hashes, masks, and where in an event they go."""
