"""The pages of the core: accounts, spaces, the feed, the agency's desk; thin over the verbs of `core`."""
