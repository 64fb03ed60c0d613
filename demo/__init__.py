"""The demonstration town: an invented agglomeration, its people, its conversations and its pictures."""
