"""Pages of the feed: home, posts, people, Atom documents."""
